"""The spawner's loop: take a launch, fork, tell; notice an end, tell."""

import os
import select
import signal
import socket

from host.process.spawner.wire import receive, send

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Become = Callable[[list[int], dict[str, Any]], None]

PR_SET_PDEATHSIG = 1
_LAUNCH_DESCRIPTORS = 4


def serve(control: int, host: int, fork_with: "Callable[[int], int]", become: "Become") -> None:
    """Serves until the host has gone. The children live on without this process, but not without the host.

    Args:
        control: The socket to the host.
        host: The host's pid.
        fork_with: Forks into new namespaces, see `host.sandbox.kernel.libc`.
        become: What a child does; never returns.
    """
    _die_with(host)
    spawner = Spawner(socket.socket(fileno=control), fork_with, become)
    spawner.run()


class Spawner:
    """The loop's state: which child belongs to which launch."""

    def __init__(self, control: socket.socket, fork_with: "Callable[[int], int]", become: "Become") -> None:
        self._control = control
        self._fork_with = fork_with
        self._become = become
        self._children: dict[int, tuple[int, int]] = {}  # pidfd -> pid, launch
        self._poll = select.poll()

    def run(self) -> None:
        """Until the control socket ends."""
        control = self._control.fileno()
        self._poll.register(control, select.POLLIN)
        send(self._control, {"ready": os.getpid()})
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor != control:
                    self._reap(descriptor)
                elif not self._obey():
                    return

    def _obey(self) -> bool:
        message, descriptors = receive(self._control)
        if message is None:
            return False
        try:
            self._launch(message["launch"], message, descriptors)
        finally:
            # Nothing of one plugin stays here for the next to find.
            for each in descriptors:
                os.close(each)
        return True

    def _launch(self, launch: int, birth: "dict[str, Any]", descriptors: "list[int]") -> None:
        threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208
        if threads != 1 or len(descriptors) < _LAUNCH_DESCRIPTORS:
            why = f"the spawner has {threads} threads and {len(descriptors)} descriptors for the program"
            send(self._control, {"failed": launch, "step": "spawner", "error": why})
            return
        try:
            pid = self._fork_with(birth["flags"])
        except OSError as error:
            send(self._control, {"failed": launch, "step": "namespaces", "error": _reason(error)})
            return
        if pid == 0:
            self._become(descriptors, birth)
            os._exit(126)
        try:
            if birth["map"]:
                _map_ids(pid, birth["map"])
            pidfd = os.pidfd_open(pid)
        except OSError as error:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            send(self._control, {"failed": launch, "step": "ids", "error": _reason(error)})
            return
        self._children[pidfd] = (pid, launch)
        self._poll.register(pidfd, select.POLLIN)
        send(self._control, {"launched": launch, "pid": pid}, [pidfd])

    def _reap(self, pidfd: int) -> None:
        pid, launch = self._children[pidfd]
        done, status, usage = os.wait4(pid, os.WNOHANG)
        if not done:
            return
        self._poll.unregister(pidfd)
        os.close(pidfd)
        del self._children[pidfd]
        told = {
            "exited": launch,
            "status": status,
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "rss_bytes": usage.ru_maxrss * 1024,
        }
        send(self._control, told)


def _map_ids(pid: int, ids: "dict[str, Any]") -> None:
    """Fills the child's maps while it waits. Source: user_namespaces(7)."""
    if ids["deny_setgroups"]:
        _write(pid, "setgroups", "deny")
    _write(pid, "gid_map", ids["gid"])
    _write(pid, "uid_map", ids["uid"])


def _write(pid: int, name: str, text: str) -> None:
    descriptor = os.open(f"/proc/{pid}/{name}", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _die_with(host: int) -> None:
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != host:
        os._exit(0)


def _reason(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    return f"{error.strerror or error}{where}"
