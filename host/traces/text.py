"""The lines of a text file, plain or compressed; the ending of its name does not matter, its first bytes do."""

from __future__ import annotations

import gzip
import io
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from host.errors import ConfigError

_GZIP = b"\x1f\x8b"
_XZ = b"\xfd7zXZ\x00"
LINE_LIMIT = 65_536  # characters; a longer line is no line of a job log

Line = tuple[int, str]


def numbered_lines(path: Path) -> Iterator[Line]:
    """The lines of a file from 1, without line ends.

    Raises:
        ConfigError: The file is missing, unreadable, damaged, or no text; says which.
    """
    try:
        with path.open("rb") as raw:
            text = io.TextIOWrapper(_unpacked(raw), encoding="utf-8", errors="strict")
            number = 0
            while line := text.readline(LINE_LIMIT + 1):
                number += 1
                if len(line) > LINE_LIMIT:
                    raise ConfigError(
                        f"{path}:{number}: a line of more than {LINE_LIMIT} characters; give a job log in SWF or CSV"
                    )
                yield number, line.rstrip("\r\n")
    except FileNotFoundError as exc:
        raise ConfigError(f"{path}: there is no such file; give a job log in SWF or CSV") from exc
    except IsADirectoryError as exc:
        raise ConfigError(f"{path}: is a folder; give one job log in SWF or CSV") from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(
            f"{path}: is not text (byte {exc.object[exc.start]:#04x}); give a job log in SWF or CSV"
        ) from exc
    except (EOFError, lzma.LZMAError, gzip.BadGzipFile) as exc:
        raise ConfigError(
            f"{path}: the compressed data is damaged or cut short ({exc}); fetch it again"
        ) from exc
    except OSError as exc:
        raise ConfigError(
            f"{path}: cannot be read ({exc.strerror or exc}); give a file this user may read"
        ) from exc


def whole_text(path: Path) -> bytes:
    """All of a file, unpacked.

    Raises:
        ConfigError: It is missing, unreadable or damaged.
    """
    try:
        with path.open("rb") as raw:
            return _unpacked(raw).read()
    except FileNotFoundError as exc:
        raise ConfigError(f"{path}: there is no such file") from exc
    except (EOFError, lzma.LZMAError, gzip.BadGzipFile) as exc:
        raise ConfigError(
            f"{path}: the compressed data is damaged or cut short ({exc}); fetch it again"
        ) from exc
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read ({exc.strerror or exc})") from exc


def _unpacked(raw: io.BufferedReader) -> BinaryIO:
    head = raw.peek(len(_XZ))
    if head.startswith(_GZIP):
        return cast(BinaryIO, gzip.GzipFile(fileobj=raw))
    if head.startswith(_XZ):
        return cast(BinaryIO, lzma.LZMAFile(raw))
    return cast(BinaryIO, raw)
