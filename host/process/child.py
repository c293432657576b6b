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
from typing import NamedTuple, Protocol

import msgspec

from host.clock import Clock
from host.process.exits import Cause, Evidence, ExitReport, report_exit
from host.process.output_log import OutputLog
from host.process.spec import LaunchSpec, ResourceLimits
from host.rate import RateBudget

log = logging.getLogger(__name__)

_CONFINE = str(Path(__file__).with_name("confine.py"))
_STDERR_READ_BYTES = 65536  # one read a turn of the loop, so that a flood shares the loop with the rest
TERM_GRACE_S = 3.0  # RELIABILITY: shutdown 2 s, TERM 3 s, then KILL


class LaunchError(Exception):
    """The operating system would not start the program."""


class Pipes(NamedTuple):
    """The host's ends."""

    stdin: int
    stdout: int
    stderr: int


class Launcher(Protocol):
    """Whoever can start a LaunchSpec; a remote one would look the same."""

    async def launch(self, spec: LaunchSpec) -> Child:
        """Starts *spec*; to be called on the event loop's thread.

        Raises:
            LaunchError: It was not started, and nothing of it is left.
        """
        ...

    def park_soon(self, spec: LaunchSpec) -> None:
        """Has a start of *spec* prepared in the background, as far as this launcher can; never fails."""
        ...

    def unpark(self, name: str) -> None:
        """Gives up what is prepared for the program of that name."""
        ...


class LocalLauncher:
    """Starts programs on this machine."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def launch(self, spec: LaunchSpec) -> Child:
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
            process = subprocess.Popen(  # noqa: ASYNC220 - vfork and exec, some ms
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
            return LocalChild(spec, process, self._clock)
        except OSError as error:  # no descriptor is left for the pidfd
            process.kill()
            process.communicate()
            raise LaunchError(f"cannot watch {spec.name}: {error.strerror or error}") from error

    def park_soon(self, spec: LaunchSpec) -> None:
        """Nothing: a program of this launcher begins as soon as it is there."""

    def unpark(self, name: str) -> None:
        """Nothing is ever parked."""


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

    How it is signalled and how its end is noticed differ by launcher; see the subclasses.

    Attributes:
        pid: The program's.
        stdin_fd, stdout_fd: Non-blocking; closed by `close_pipes`.
        output: What it wrote to stderr.
    """

    def __init__(self, spec: LaunchSpec, pid: int, pipes: Pipes, clock: Clock) -> None:
        self.spec = spec
        self.pid = pid
        self.output = OutputLog()
        self.stdin_fd = pipes.stdin
        self.stdout_fd = pipes.stdout
        self._stderr_fd = pipes.stderr
        self._clock = clock
        self._started = clock.now()
        self._loop = asyncio.get_running_loop()
        self._exited: asyncio.Future[ExitReport] = self._loop.create_future()
        self._ordered: tuple[Cause, str] | None = None
        self._only_killed = False
        self._output_budget: RateBudget | None = None
        for descriptor in pipes:
            os.set_blocking(descriptor, False)
        self._loop.add_reader(self._stderr_fd, self._read_stderr)
        self._stderr_open = True
        self._pipes_open = True

    @property
    def exited(self) -> asyncio.Future[ExitReport]:
        """Done when the process is gone and reaped. Shield it when waiting with a time-out."""
        return self._exited

    @property
    def alive(self) -> bool:
        """Whether the process has not been reaped yet."""
        return not self._exited.done()

    def kill(self, cause: Cause, why: str) -> None:
        """Ends it at once with everything it started.

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

    def memory_bytes(self) -> int | None:
        """What it and its children hold now, where the kernel or the watchdog keeps count of it."""
        return None

    def expect_exit(self, cause: Cause, why: str) -> None:
        """Says beforehand why an exit that is about to come is the host's doing."""
        self._ordered = self._ordered or (cause, why)

    def limit_output(self, bytes_per_s: int) -> None:
        """Ends it if it writes more than that to stderr: a flood costs the flooder its life."""
        self._output_budget = RateBudget(bytes_per_s, self._clock.now)

    def close_pipes(self) -> None:
        """Gives the pipes back; what the program still writes to stderr is read first, as far as it is there."""
        if self._stderr_open:
            self._read_stderr()
            self._stop_stderr()
        if self._pipes_open:
            self._pipes_open = False
            for descriptor in (self.stdin_fd, self.stdout_fd, self._stderr_fd):
                os.close(descriptor)

    def _signal(self, number: int) -> None:
        """Sends a signal to the program, SIGKILL to everything it started as well; nothing when it is gone."""
        raise NotImplementedError

    def _finish(
        self, status: int, peak_rss_bytes: int | None, cpu_s: float | None, evidence: Evidence | None = None
    ) -> None:
        """To be called once, when the program is gone."""
        ordered, why = self._ordered or (None, "")
        if self._only_killed and not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            ordered, why = None, ""  # it was dead before the host's signal came
        self._exited.set_result(
            report_exit(
                status,
                at_ms=self._clock.wall_ms(),
                lived_s=self._clock.now() - self._started,
                peak_rss_bytes=peak_rss_bytes,
                cpu_s=cpu_s,
                ordered=ordered,
                why=why,
                evidence=evidence,
            )
        )

    def _read_stderr(self) -> None:
        try:
            data = os.read(self._stderr_fd, _STDERR_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._stop_stderr()
            return
        self.output.feed(data)
        budget = self._output_budget
        if budget is not None and not budget.spend(len(data)):
            self.kill("protocol", f"it wrote more than {budget.per_s} bytes to its log within a second")

    def _stop_stderr(self) -> None:
        if self._stderr_open:
            self._stderr_open = False
            self._loop.remove_reader(self._stderr_fd)


class LocalChild(Child):
    """A direct child of this process, in a process group of its own."""

    def __init__(self, spec: LaunchSpec, process: subprocess.Popen[bytes], clock: Clock) -> None:
        assert process.stdin and process.stdout and process.stderr
        self._process = process
        made = [os.pidfd_open(process.pid)]  # first: from here on it is known when it ends
        try:
            for file in (process.stdin, process.stdout, process.stderr):
                made.append(os.dup(file.fileno()))
        except OSError:
            for descriptor in made:
                os.close(descriptor)
            raise
        self._pidfd, *ends = made
        pipes = Pipes(*ends)
        for file in (process.stdin, process.stdout, process.stderr):
            file.close()
        super().__init__(spec, process.pid, pipes, clock)
        self._loop.add_reader(self._pidfd, self._reap)

    def _signal(self, number: int) -> None:
        if not self.alive:
            return  # its number may be another process's by now
        # The group and the process: a child killed before its setsid() has no group of its own yet.
        for send, target in ((os.killpg, self.pid), (os.kill, self.pid)):
            try:
                send(target, number)
            except (ProcessLookupError, PermissionError):
                continue

    def _reap(self) -> None:
        # The group goes before its leader is reaped: until then the kernel gives its number to nobody else.
        _kill_group(self.pid)
        pid, status, usage = os.wait4(self.pid, os.WNOHANG)
        if pid == 0:
            return
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        # So that Popen does not wait for it again.
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self._finish(status, usage.ru_maxrss * 1024 or None, usage.ru_utime + usage.ru_stime)


def _kill_group(pgid: int) -> None:
    """Ends what a dead leader left behind in its group."""
    try:
        os.killpg(pgid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


async def stop_all(children: Sequence[Child]) -> None:
    """Stops several at once; returns when all are reaped."""
    await asyncio.gather(*(child.stop() for child in children))
