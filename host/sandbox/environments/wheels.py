"""A look into a wheel that came with a plugin, before an installer does: whatever it asks for is looked at, too."""

from __future__ import annotations

import email.parser
import zipfile
import zlib
from pathlib import Path

_METADATA_BYTES = 2**20
UNPACKED_BYTES = 4 * 2**30  # the largest on PyPI come to about 3 GiB


class WheelError(ValueError):
    """A wheel that is not installed; says why."""


def check_wheel(path: Path) -> None:
    """Looks at every METADATA in the wheel.

    A wheel may itself require a package from an address or a folder. An installer would fetch and build that, and
    building runs code: so it is refused.

    Raises:
        WheelError: It does, or it is not a wheel, or it would be larger than `UNPACKED_BYTES`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if sum(each.file_size for each in entries) > UNPACKED_BYTES:
                raise WheelError(f"{path.name} unpacks to more than {UNPACKED_BYTES} bytes")
            metadata = [each for each in entries if each.filename.lower().endswith(".dist-info/metadata")]
            if not metadata:
                raise WheelError(f"{path.name} is no wheel: it has no METADATA; build it with `pip wheel`")
            for each in metadata:
                if each.file_size > _METADATA_BYTES:
                    raise WheelError(f"{path.name}: its METADATA has {each.file_size} bytes")
                _check_metadata(path.name, archive.read(each))
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, NotImplementedError, EOFError) as error:
        raise WheelError(f"{path.name} is no wheel: {error}; build it with `pip wheel`") from error


def _check_metadata(name: str, text: bytes) -> None:
    headers = email.parser.BytesParser().parsebytes(text, headersonly=True)
    for key, value in headers.items():
        if key.lower() not in ("requires-dist", "requires"):
            continue
        asked = str(value)
        if "@" in asked or "/" in asked or "\\" in asked:
            raise WheelError(
                f"{name} itself requires {asked[:200]!r}, an address or a path; only packages by name are installed"
            )
