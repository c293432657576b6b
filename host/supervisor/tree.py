"""One plugin's folder as a tree of files: whether anything in it changed, when it last did, and what must not be in it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

NOT_WATCHED = frozenset({"__pycache__", "node_modules"})
_TREE_LIMIT = 20_000  # entries of a folder that are looked at for changes
_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}


@dataclass(frozen=True)
class Tree:
    """What one look found.

    Attributes:
        fingerprint: Changes when a file below the folder is added, removed, renamed or written.
        changed_ns: When that last happened, by the file system's clock, as `time.time_ns()`.
        objection: Why a plugin must not be started from it; `None` when nothing speaks against it.
    """

    fingerprint: int
    changed_ns: int
    objection: str | None


def survey(folder: Path) -> Tree:
    """Looks at all of *folder*; follows no link. What vanishes meanwhile is left out: the next look sees what is true."""
    seen: list[tuple[str, int, int, int, int]] = []
    changed = 0
    objection: str | None = None
    waiting = [folder]
    try:
        own = folder.lstat()
        changed = own.st_mtime_ns  # its mtime: a rename of the folder itself changes nothing in it
        objection = _objection("the folder", own)
    except OSError:
        pass
    while waiting and len(seen) < _TREE_LIMIT:
        here = waiting.pop()
        try:
            with os.scandir(here) as entries:
                children = list(entries)
        except FileNotFoundError:
            continue
        except OSError as error:
            objection = objection or f"{_shown(here, folder)} cannot be read ({error.strerror or error})"
            continue
        for child in children:
            if child.name.startswith(".") or child.name in NOT_WATCHED:
                continue
            try:
                status = child.stat(follow_symlinks=False)
            except OSError:
                continue
            objection = objection or _objection(_shown(Path(child.path), folder), status)
            if stat.S_ISDIR(status.st_mode):
                waiting.append(Path(child.path))
                # Its size and times change with what is not watched in it.
                seen.append((child.path, status.st_mode, 0, 0, 0))
            else:
                changed = max(changed, status.st_ctime_ns)
                # The ctime too: an archive may set the same size and mtime on a file that is another.
                seen.append(
                    (child.path, status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
                )
    return Tree(hash(tuple(sorted(seen))), changed, objection)


def _objection(shown: str, status: os.stat_result) -> str | None:
    mode = status.st_mode
    if stat.S_ISLNK(mode):
        return None  # not followed here, and leads nowhere in the sandbox
    if stat.S_IFMT(mode) in _KINDS:
        return f"{shown} is {_KINDS[stat.S_IFMT(mode)]}; a plugin's folder has regular files"
    if mode & stat.S_IWOTH:
        return f"anybody may write {shown}, so anybody could change what runs; chmod o-w it"
    if not stat.S_ISDIR(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
        return f"{shown} is setuid or setgid; chmod ug-s it"
    if not mode & (stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH):
        return f"nobody may read {shown}; chmod u+r it"
    return None


def _shown(path: Path, folder: Path) -> str:
    """A path below the folder, fit to be shown: a plugin's author chose it."""
    inner = os.fsencode(path.relative_to(folder)).decode(errors="replace") if path != folder else "the folder"
    plain = "".join(each if each.isprintable() else "?" for each in inner)
    return plain if len(plain) <= 120 else plain[:117] + "..."
