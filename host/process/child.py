"""One running program: three pipes, a pidfd that says when it ends, and a stop that always comes through.

The exit is noticed by the kernel's word (a pidfd becomes readable), never by polling, and does not wait for
the pipes: a grandchild may hold those for as long as it likes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from host.clock import Clock
from host.process.exits import Cause, ExitReport, report_exit
from host.process.output_log import OutputLog
from host.process.spec import LaunchSpec, ResourceLimits

log = logging.getLogger(__name__)

_CONFINE = str(Path(__file__).with_name("confine.py"))
_STDERR_READ_BYTES = 65536  # one read a turn of the loop, so that a flood shares the loop with the rest
TERM_GRACE_S = 3.0  # RELIABILITY: shutdown 2 s, TERM 3 s, then KILL


class LaunchError(Exception):
    """The operating system would not start the program."""


class Launcher(Protocol):
    """Whoever can start a LaunchSpec; a remote one would look the same."""

    def launch(self, spec: LaunchSpec) -> Child: ...


class LocalLauncher:
    """Starts programs on this machine."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def launch(self, spec: LaunchSpec) -> Child:
        """Starts *spec*; to be called on the event loop's thread.

        Raises:
            LaunchError: No process, no descriptors, no such folder.
        """
        orders = {
            "name": spec.name,
            "argv": spec.argv,
            "env": spec.env,
            "umask": spec.umask,
            "nice": spec.nice,
            "parent": os.getpid(),
            "limits": _rlimits(spec.limits),
        }
        argv = [sys.executable, "-I", "-S", _CONFINE, msgspec.json.encode(orders).decode()]
        try:
            # No preexec_fn: Popen then uses vfork, which stays cheap however large the host has grown.
            process = subprocess.Popen(
                argv,
                cwd=spec.cwd,
                env={},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
            )
        except OSError as error:
            raise LaunchError(f"cannot start {spec.name} in {spec.cwd}: {error.strerror or error}") from error
        try:
            return Child(spec, process, self._clock)
        except OSError as error:  # no descriptor is left for the pidfd
            process.kill()
            process.communicate()
            raise LaunchError(f"cannot watch {spec.name}: {error.strerror or error}") from error


def _rlimits(limits: ResourceLimits) -> dict[str, int]:
    wanted = {
        "RLIMIT_DATA": limits.data_bytes,
        "RLIMIT_AS": limits.address_space_bytes,
        "RLIMIT_NOFILE": limits.open_files,
        "RLIMIT_FSIZE": limits.file_bytes,
        "RLIMIT_CORE": limits.core_bytes,
    }
    return {name: value for name, value in wanted.items() if value is not None}


class Child:
    """A started program. Whoever made it must see it to `exited`, by `stop` or `kill` if need be.

    Attributes:
        stdin_fd, stdout_fd: Non-blocking; closed by `close_pipes`.
        output: What it wrote to stderr.
    """

    def __init__(self, spec: LaunchSpec, process: subprocess.Popen[bytes], clock: Clock) -> None:
        assert process.stdin and process.stdout and process.stderr
        self.spec = spec
        self.pid = process.pid
        self.output = OutputLog()
        self._process = process
        self._clock = clock
        self._started = clock.now()
        self._loop = asyncio.get_running_loop()
        self._exited: asyncio.Future[ExitReport] = self._loop.create_future()
        self._ordered: tuple[Cause, str] | None = None
        self._only_killed = False
        self._pidfd = os.pidfd_open(self.pid)  # first: it is the one step that can fail
        self._files = [process.stdin, process.stdout, process.stderr]
        self.stdin_fd = process.stdin.fileno()
        self.stdout_fd = process.stdout.fileno()
        self._stderr_fd = process.stderr.fileno()
        for file in self._files:
            os.set_blocking(file.fileno(), False)
        self._loop.add_reader(self._pidfd, self._reap)
        self._loop.add_reader(self._stderr_fd, self._read_stderr)
        self._stderr_open = True

    @property
    def exited(self) -> asyncio.Future[ExitReport]:
        """Done when the process is gone and reaped. Shield it when waiting with a time-out."""
        return self._exited

    @property
    def alive(self) -> bool:
        """Whether the process has not been reaped yet."""
        return not self._exited.done()

    def kill(self, cause: Cause, why: str) -> None:
        """Ends it at once with everything in its process group.

        The report will say *cause* and *why*, unless the process turns out to have ended by itself before.
        """
        if self.alive:
            if self._ordered is None:
                self._ordered, self._only_killed = (cause, why), True
            self._signal(signal.SIGKILL)

    async def stop(self, cause: Cause = "stopped", why: str = "the host stopped it") -> ExitReport:
        """Asks it to end (SIGTERM), then insists (SIGKILL after `TERM_GRACE_S`)."""
        if self.alive:
            self._ordered = self._ordered or (cause, why)
            self._signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(TERM_GRACE_S):
                    await asyncio.shield(self._exited)
            except TimeoutError:
                self._signal(signal.SIGKILL)
        return await asyncio.shield(self._exited)

    def expect_exit(self, cause: Cause, why: str) -> None:
        """Says beforehand why an exit that is about to come is the host's doing."""
        self._ordered = self._ordered or (cause, why)

    def close_pipes(self) -> None:
        """Gives the pipes back; what the program still writes to stderr is read first, as far as it is there."""
        if self._stderr_open:
            self._read_stderr()
            self._stop_stderr()
        for file in self._files:
            file.close()

    def _signal(self, number: int) -> None:
        if not self.alive:
            return  # its number may be another process's by now
        # The group and the process: a child killed before its setsid() has no group of its own yet.
        for send, target in ((os.killpg, self.pid), (os.kill, self.pid)):
            try:
                send(target, number)
            except (ProcessLookupError, PermissionError):
                continue

    def _read_stderr(self) -> None:
        try:
            data = os.read(self._stderr_fd, _STDERR_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.output.feed(data)
        else:
            self._stop_stderr()

    def _stop_stderr(self) -> None:
        if self._stderr_open:
            self._stderr_open = False
            self._loop.remove_reader(self._stderr_fd)

    def _reap(self) -> None:
        # The group goes before its leader is reaped: until then the kernel gives its number to nobody else.
        _kill_group(self.pid)
        pid, status, usage = os.wait4(self.pid, os.WNOHANG)
        if pid == 0:
            return
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._process.returncode = os.waitstatus_to_exitcode(
            status
        )  # so that Popen does not wait for it again
        ordered, why = self._ordered or (None, "")
        if self._only_killed and not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            ordered, why = None, ""  # it was dead before the host's signal came
        self._exited.set_result(
            report_exit(
                status,
                at_ms=self._clock.wall_ms(),
                lived_s=self._clock.now() - self._started,
                peak_rss_bytes=usage.ru_maxrss * 1024 or None,
                cpu_s=usage.ru_utime + usage.ru_stime,
                ordered=ordered,
                why=why,
            )
        )


def _kill_group(pgid: int) -> None:
    """Ends what a dead leader left behind in its group."""
    try:
        os.killpg(pgid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


async def stop_all(children: Sequence[Child]) -> None:
    """Stops several at once; returns when all are reaped."""
    await asyncio.gather(*(child.stop() for child in children))
