"""Makes groups, one for each launch, and clears up after hosts that died.

Theory of operation: the host has one directory of its own, `engine-ops-<random>`, in each hierarchy, below the
group that it runs in itself: whatever limits lie on the host lie on its plugins too. It holds a lock (flock) on it
as long as it lives; a directory of that name whose lock is free belonged to a host that died, and is removed with
everything in it. Groups are used once: nothing of one plugin's account or cache is left for the next, and making one
takes less than a millisecond.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import time
from pathlib import Path

from host.process.group import GroupLimits
from host.sandbox.cgroup.delegation import HOST, CgroupUnavailableError, Place, find_place
from host.sandbox.cgroup.leaf import Leaf, kill_all

log = logging.getLogger(__name__)

PREFIX = "engine-ops-"
LEAF_PREFIX = "leaf-"
CLOSE_WITHIN_S = 2.0  # a killed process frees its memory first: 4 GB take some 0.3 s
_POLL_S = 0.005
_REHEARSAL = GroupLimits(memory_bytes=2**30, cpu_cores=0.5)


class CgroupManager:
    """The groups of one host. Satisfies `host.process.group.Groups`.

    Attributes:
        describe: What is active, for status pages, e.g. "cgroup v1: memory, pids, cpu".
    """

    def __init__(self, place: Place) -> None:
        """Clears up below *place* and makes the host's own directories.

        Raises:
            CgroupUnavailableError: The kernel did not let us.
        """
        self._place = place
        self._made = 0
        self._dying: list[Path] = []
        self._locks: list[int] = []
        self.describe = place.describe()
        name = PREFIX + secrets.token_hex(6)
        self._own = {controller: parent / name for controller, parent in place.parents.items()}
        try:
            for parent in dict.fromkeys(place.parents.values()):
                remove_leftovers(parent)
                self._locks.append(_claim(parent / name))
            place.enable(self._own)
            self.prepare(_REHEARSAL).remove()  # limits are tried before anybody relies on them
        except OSError as error:
            self.close()
            raise CgroupUnavailableError(
                f"no group could be made below {error.filename or place.parents}: {error.strerror or error}"
            ) from error

    @classmethod
    def open(cls) -> CgroupManager:
        """The manager for this process's place on this machine.

        Raises:
            CgroupUnavailableError: Nothing is writable here; it says why and what would help.
        """
        return cls(find_place())

    def prepare(self, limits: GroupLimits) -> Leaf:
        leaf = self._make()
        try:
            leaf.limit(limits)
        except OSError:
            leaf.remove()
            raise
        return leaf

    def close(self) -> None:
        """Kills what is left in all groups and removes them, within `CLOSE_WITHIN_S`; never fails."""
        own = list(dict.fromkeys(self._own.values()))
        deadline = time.monotonic() + CLOSE_WITHIN_S
        for directory in own:
            _remove_tree(directory, deadline)
        self._place.disable(self._own)
        for directory in own:
            _rmdir(directory)
            if directory.exists():
                log.warning("cgroup.left_behind", extra={"directory": str(directory)})
        for lock in self._locks:
            os.close(lock)
        self._locks = []

    def _make(self) -> Leaf:
        self._made += 1
        name = f"{LEAF_PREFIX}{self._made}"
        directories = {controller: own / name for controller, own in self._own.items()}
        return Leaf(self._place.version, directories, self._removed)

    def _removed(self, directories: list[Path]) -> None:
        self._dying += directories
        self._bury()

    def _bury(self) -> None:
        # A group is busy until its last process has freed its memory; then a later call finds it empty.
        self._dying = [path for path in self._dying if not _rmdir(path)]


def remove_leftovers(parent: Path) -> list[Path]:
    """Ends and removes what hosts that died left below *parent*; what could not be removed yet stays.

    Returns:
        The directories that were found.
    """
    found = [path for path in sorted(parent.glob(PREFIX + "*")) if path.is_dir()]
    dead: list[Path] = []
    for directory in found:
        try:
            lock = _lock(directory)
        except OSError:
            continue  # its host lives, or it was removed meanwhile
        try:
            dead.append(directory)
            _remove_tree(directory, time.monotonic() + CLOSE_WITHIN_S)
            _rmdir(directory / HOST)
            _rmdir(directory)
        finally:
            os.close(lock)
    return dead


def _claim(directory: Path) -> int:
    """Makes *directory* and locks it, against a host that takes it for a leftover in between."""
    while True:
        directory.mkdir(exist_ok=True)
        try:
            lock = _lock(directory)
        except (FileNotFoundError, BlockingIOError):
            continue
        if directory.exists() and directory.stat().st_ino == os.fstat(lock).st_ino:
            return lock
        os.close(lock)


def _lock(directory: Path) -> int:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _remove_tree(directory: Path, deadline: float) -> None:
    """Kills and removes the groups below *directory*, waiting for their processes to be gone until *deadline*."""
    below = [path for path in directory.glob(LEAF_PREFIX + "*") if path.is_dir()]
    for leaf in below:
        kill_all([leaf])
    while below:
        below = [leaf for leaf in below if not _rmdir(leaf)]
        if not below or time.monotonic() > deadline:
            return
        time.sleep(_POLL_S)


def _rmdir(directory: Path) -> bool:
    """Whether *directory* is gone."""
    try:
        directory.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
