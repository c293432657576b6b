"""One group: a directory in each hierarchy, its account files kept open, and the bell that rings at its limit."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from host.process.group import GroupLimits, GroupUsage
from host.sandbox.cgroup.accounts import FILES, parse_usage
from host.sandbox.cgroup.membership import V2, parse_membership
from host.sandbox.cgroup.settings import MEMORY, PIDS, settings

_KILL_ROUNDS = 64  # with forks forbidden two do; the bound is for a kernel that cannot forbid them
_READ_BYTES = 4096
_IN_MODIFY = 0x2  # inotify(7)


class Leaf:
    """A group made and limited, for one process and its children. Satisfies `host.process.group.Group`."""

    def __init__(
        self,
        version: Literal[1, 2],
        directories: Mapping[str, Path],
        on_removed: Callable[[list[Path]], None],
    ) -> None:
        """Makes the directories.

        Args:
            directories: Of each controller; in version 2 they are all one.
            on_removed: Takes the directories over once the group is given up.

        Raises:
            OSError: The kernel refused one; the others are removed again.
        """
        self._version = version
        self._directories = dict(directories)
        self._unique = list(dict.fromkeys(self._directories.values()))
        self._on_removed = on_removed
        self._accounts: dict[str, int] = {}
        self._bell: int | None = None
        made: list[Path] = []
        try:
            for directory in self._unique:
                directory.mkdir()
                made.append(directory)
            for key, (controller, file) in FILES[version].items():
                if controller in self._directories and (self._directories[controller] / file).exists():
                    self._accounts[key] = os.open(
                        self._directories[controller] / file, os.O_RDONLY | os.O_CLOEXEC
                    )
            self._bell = self._hang_bell()
        except OSError:
            self._close()
            for directory in made:
                directory.rmdir()
            raise

    def limit(self, limits: GroupLimits) -> None:
        """Puts *limits* in force.

        Raises:
            OSError: The kernel refused one; the message names the file and the value.
        """
        for setting in settings(self._version, limits, frozenset(self._directories)):
            path = self._directories[setting.controller] / setting.file
            try:
                _write(path, setting.value)
            except FileNotFoundError:
                if not setting.absent_is_fine:
                    raise
            except OSError as error:
                if error.errno not in setting.tolerated:
                    reason = f"cannot write {setting.value} to {path}: {os.strerror(error.errno or 0)}"
                    raise OSError(error.errno, reason) from error

    def add(self, pid: int) -> None:
        for directory in self._unique:
            _write(directory / "cgroup.procs", str(pid))

    def join_fds(self) -> list[int]:
        descriptors: list[int] = []
        if self._version == 1:
            try:
                for directory in self._unique:
                    descriptors.append(os.open(directory / "tasks", os.O_WRONLY | os.O_CLOEXEC))
            except OSError:
                for descriptor in descriptors:
                    os.close(descriptor)
                raise
        return descriptors

    def holds(self, pid: int) -> bool:
        try:
            paths = parse_membership(Path(f"/proc/{pid}/cgroup").read_text())
        except (FileNotFoundError, ProcessLookupError):
            return False
        names = {V2} if self._version == 2 else set(self._directories)
        # By name and not by whole path: what a group is called from here depends on our cgroup namespace. The
        # names are unique on this machine, since the host's own directory bears a random number.
        tail = self._unique[0].parts[-2:]
        return all(Path(paths.get(name, "/")).parts[-2:] == tail for name in names)

    def usage(self) -> GroupUsage:
        texts = {key: os.pread(fd, _READ_BYTES, 0).decode() for key, fd in self._accounts.items()}
        return parse_usage(self._version, texts)

    @property
    def bell_fd(self) -> int | None:
        return self._bell

    def hush(self) -> None:
        if self._bell is not None:
            try:
                os.read(self._bell, _READ_BYTES)
            except BlockingIOError:
                return

    def kill(self) -> None:
        kill_all(self._unique)

    def remove(self) -> None:
        if self._accounts:
            self._close()
            kill_all(self._unique)
            self._on_removed(self._unique)

    def _close(self) -> None:
        for descriptor in (*self._accounts.values(), *([] if self._bell is None else [self._bell])):
            os.close(descriptor)
        self._accounts = {}
        self._bell = None

    def _hang_bell(self) -> int | None:
        """A descriptor that becomes readable at an out-of-memory event; `None` where the kernel has none."""
        directory = self._directories[MEMORY]
        try:
            if self._version == 1:
                return _eventfd_bell(directory)
            return _inotify_bell(directory / "memory.events")
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                raise
            return None


def kill_all(directories: list[Path]) -> None:
    """Ends every process in the groups *directories*, which must be one group in several hierarchies.

    `cgroup.kill` does it in one step (version 2, Linux 5.14). Otherwise new forks are forbidden first, so that
    the processes to be killed cannot become more while they are.
    """
    for directory in directories:
        try:
            _write(directory / "cgroup.kill", "1")
            return
        except OSError:
            continue
    for directory in directories:
        try:
            _write(directory / f"{PIDS}.max", "0")
        except OSError:
            continue
    killed: set[int] = set()
    for _ in range(_KILL_ROUNDS):
        met = {pid for directory in directories for pid in members(directory)} - killed
        if not met:
            return
        for pid in met:
            _kill_member(pid, directories)
        killed |= met


def members(directory: Path) -> list[int]:
    """The processes of one group; those that have no number in our own pid namespace are left out."""
    try:
        pids = [int(line) for line in (directory / "cgroup.procs").read_text().split()]
    except OSError:
        return []
    return [pid for pid in pids if pid > 0]  # kill(0) would be our own process group


def _kill_member(pid: int, directories: list[Path]) -> None:
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return
    try:
        # Again, now that the number is held: it may have become another process's since the group was read.
        if any(pid in members(directory) for directory in directories):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        os.close(pidfd)


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _eventfd_bell(directory: Path) -> int:
    bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
    try:
        control = os.open(directory / "memory.oom_control", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _write(directory / "cgroup.event_control", f"{bell} {control}")
        finally:
            os.close(control)
    except OSError:
        os.close(bell)
        raise
    return bell


def _inotify_bell(events: Path) -> int:
    # inotify and not epoll: a kernfs file says POLLPRI, for which an event loop does not listen.
    libc = ctypes.CDLL(None, use_errno=True)
    bell = libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
    if bell < 0:
        raise OSError(ctypes.get_errno(), "inotify_init1")
    if libc.inotify_add_watch(bell, bytes(events), _IN_MODIFY) < 0:
        number = ctypes.get_errno()
        os.close(bell)
        raise OSError(number, "inotify_add_watch", str(events))
    return int(bell)
