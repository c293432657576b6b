"""One file of a plugin's folder: the same bytes from the same files, with a hash of each.

A bundle is a gzipped tar of one folder, with the plugin's name. `FILES.sha256` in it lists every other file, in the form
that `sha256sum --check` reads. Times, owners and the order in the folder leave no trace; whether a file may be run does.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import tarfile
from pathlib import Path, PurePosixPath

import msgspec

from host.errors import ConfigError
from plugin_sdk.contract.manifest import Manifest

HASHES = "FILES.sha256"
BUNDLE_LIMIT_BYTES = 512 * 2**20
_LEFT_OUT = {"__pycache__", "dist"}
_RUNNABLE = 0o755
_PLAIN = 0o644


class Bundle(msgspec.Struct, rename="camel", frozen=True):
    """What was packed.

    Fields:
        sha256: Of the bundle itself.
        files: Hash by path, sorted.
    """

    path: str
    plugin: str
    bytes: int
    sha256: str
    files: dict[str, str]


def pack(manifest: Manifest, folder: Path, into: Path) -> Bundle:
    """Packs *folder* into `NAME-VERSION.tar.gz` below *into*.

    Raises:
        ConfigError: The folder has what cannot be packed, or the bundle cannot be written.
    """
    contents = read_files(folder)
    hashes = {str(path): hashlib.sha256(data).hexdigest() for path, (data, _) in contents.items()}
    listing = "".join(f"{digest}  {path}\n" for path, digest in hashes.items()).encode()
    packed = _packed(manifest.name, {**contents, PurePosixPath(HASHES): (listing, _PLAIN)})
    target = into / f"{manifest.name}-{manifest.version}.tar.gz"
    try:
        into.mkdir(parents=True, exist_ok=True)
        aside = target.with_name(f".{target.name}.new")
        aside.write_bytes(packed)
        aside.replace(target)
    except OSError as error:
        raise ConfigError(f"{target} cannot be written: {error.strerror or error}") from error
    return Bundle(str(target), manifest.by, len(packed), hashlib.sha256(packed).hexdigest(), hashes)


def read_files(folder: Path) -> dict[PurePosixPath, tuple[bytes, int]]:
    """Every file that belongs to the plugin, by its path, in order: content and mode.

    Hidden files, `__pycache__` and `dist` are left out.

    Raises:
        ConfigError: There is a link or no regular file among them, a name that is not UTF-8, or too much in all.
    """
    found: dict[PurePosixPath, tuple[bytes, int]] = {}
    size = 0
    for path in _walk(folder):
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(f"{path} is no regular file; a bundle holds copies: put the file itself there")
        name = PurePosixPath(path.relative_to(folder).as_posix())
        try:
            str(name).encode()
        except UnicodeEncodeError:
            raise ConfigError(f"{str(path)!r} has a name that is not UTF-8; give it another") from None
        if "\n" in str(name):
            raise ConfigError(f"{str(path)!r} has a line feed in its name; give it another")
        if str(name) == HASHES:
            continue  # of an earlier bundle that was unpacked here
        size += status.st_size
        if size > BUNDLE_LIMIT_BYTES:
            raise ConfigError(f"{folder} has more than {BUNDLE_LIMIT_BYTES} bytes; leave data out of it")
        found[name] = (path.read_bytes(), _RUNNABLE if status.st_mode & stat.S_IXUSR else _PLAIN)
    return dict(sorted(found.items(), key=lambda each: str(each[0])))


def _walk(folder: Path) -> list[Path]:
    found = []
    for at, folders, files in os.walk(folder):
        kept = [each for each in folders if each not in _LEFT_OUT and not each.startswith(".")]
        linked = [each for each in kept if Path(at, each).is_symlink()]
        folders[:] = [each for each in kept if each not in linked]
        names = [*files, *linked]
        found += [Path(at, each) for each in names if not each.startswith(".") and not each.endswith(".pyc")]
    return found


def _packed(name: str, contents: dict[PurePosixPath, tuple[bytes, int]]) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, (data, mode) in contents.items():
            entry = tarfile.TarInfo(f"{name}/{path}")
            entry.size, entry.mode, entry.mtime = len(data), mode, 0
            archive.addfile(entry, io.BytesIO(data))
    out = io.BytesIO()
    # Without a name and a time in the header, as gzip's own command would write.
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9, filename="", mtime=0) as squeezed:
        squeezed.write(raw.getvalue())
    return out.getvalue()
