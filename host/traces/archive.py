"""Files that lie in a folder or in a tar archive of it, by name."""

from __future__ import annotations

import io
import lzma
import tarfile
from collections.abc import Mapping
from pathlib import Path

from host.errors import ConfigError

_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.xz")
MEMBER_BYTES = 64 * 1024 * 1024  # of one file in an archive; the largest public list has under one


def is_archive(path: Path) -> bool:
    """By its name."""
    return path.name.lower().endswith(_ARCHIVES)


def texts(path: Path, ending: str) -> Mapping[str, str]:
    """Every text file with this ending below a folder or in an archive, by its name without the ending.

    Raises:
        ConfigError: It cannot be read, or there is none.
    """
    found: dict[str, str] = {}
    try:
        if is_archive(path):
            with tarfile.open(path) as archive:
                for member in archive:
                    name = Path(member.name).name
                    if member.isfile() and name.endswith(ending) and not name.startswith("."):
                        if member.size > MEMBER_BYTES:
                            raise ConfigError(
                                f"{path}: {member.name} has {member.size} bytes; at most {MEMBER_BYTES} are read"
                            )
                        handle = archive.extractfile(member)
                        assert handle is not None  # it is a file
                        found[name.removesuffix(ending)] = io.TextIOWrapper(handle, encoding="utf-8").read()
        elif path.is_dir():
            for each in sorted(path.rglob(f"*{ending}")):
                found[each.name.removesuffix(ending)] = each.read_text(encoding="utf-8")
        else:
            found[path.name.removesuffix(ending)] = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no such file or folder; give one with {ending} files") from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: a {ending} file in it is not text; give it as it was published"
        ) from error
    except (tarfile.TarError, EOFError, lzma.LZMAError, OSError) as error:
        why = str(error).partition("\n")[0].rstrip(":")  # below it, tarfile lists all that it tried
        raise ConfigError(f"{path}: cannot be read ({why}); fetch it again, or unpack it") from error
    if not found:
        raise ConfigError(f"{path}: there is no {ending} file in it; give the folder or archive as published")
    return found
