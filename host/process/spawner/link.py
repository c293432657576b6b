"""The host's end of one spawner: starts it, asks it, hears how its children end, and knows when it has died."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from host.process.spawner.wire import TooLargeError, receive, send

log = logging.getLogger(__name__)

READY_S = 60.0  # a zygote imports scikit-learn first; a cold disk makes that 20 s


class SpawnerError(Exception):
    """The spawner could not do it; `step` says how far it came."""

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(f"{step}: {reason}")
        self.step = step


class Launched(NamedTuple):
    """A fresh child that waits for the host's word.

    Attributes:
        pid: Of process 1 of its pid namespace if it has one, else of the program.
        pidfd: The same, as a descriptor that belongs to the taker.
    """

    launch: int
    pid: int
    pidfd: int


class Ended(NamedTuple):
    """How a child ended; `status` is `None` when the spawner died before it could say."""

    status: int | None
    cpu_s: float | None = None
    rss_bytes: int | None = None


class SpawnerLink:
    """One running spawner. Made by `open`; `close` ends it and its children.

    Attributes:
        launches: How many children it has been asked for.
    """

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._process = process
        self._control = control
        self._ready: asyncio.Future[int] = self._loop.create_future()
        self._waiting: dict[int, asyncio.Future[Launched]] = {}
        self._endings: dict[int, Callable[[Ended], None]] = {}
        self._unheard: dict[int, Ended] = {}
        self._next = 0
        self.launches = 0
        self.alive = True
        control.setblocking(False)
        self._loop.add_reader(control.fileno(), self._hear)

    @classmethod
    async def open(
        cls, argv: Sequence[str], program: Path, env: Mapping[str, str], *more: str
    ) -> SpawnerLink:
        """Starts a spawner and waits until it takes launches.

        To be called on the thread that lives as long as the host does: the kernel ends the spawner with it.

        Args:
            argv: The interpreter and its options.
            program: What it runs; is given the control socket, this process's number, and *more*.

        Raises:
            SpawnerError: It did not start, or ended before it was ready.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [*argv, str(program), str(theirs.fileno()), str(os.getpid()), *more]
            try:
                process = subprocess.Popen(  # noqa: ASYNC220 - vfork and exec, some ms
                    command, env=dict(env), stdin=subprocess.DEVNULL, cwd="/", pass_fds=[theirs.fileno()]
                )
            except OSError as error:
                ours.close()
                raise SpawnerError("spawner", f"{argv[0]}: {error.strerror or error}") from error
        link = cls(process, ours)
        try:
            async with asyncio.timeout(READY_S):
                await link._ready
        except TimeoutError as error:
            raise SpawnerError("spawner", f"it was not ready after {READY_S:g} s") from error
        finally:
            if not link._ready.done() or link._ready.cancelled() or link._ready.exception() is not None:
                link.close()
        return link

    @property
    def pid(self) -> int:
        return self._process.pid

    async def launch(self, birth: Mapping[str, Any], descriptors: list[int]) -> Launched:
        """Asks for a child; it waits for its plan on its status socket, the fourth of *descriptors*.

        Args:
            birth: What of its plan it needs before the rest: `flags` of the namespaces it is to be in, `map` of its
                user namespace if it has one, `ids`, `bounding` and `own_pids` for the process above it.

        Raises:
            SpawnerError: There is no child.
        """
        self._next += 1
        launch = self._next
        self.launches += 1
        future: asyncio.Future[Launched] = self._loop.create_future()
        self._waiting[launch] = future
        try:
            await self._send({"launch": launch, **birth}, descriptors)
            return await future
        except asyncio.CancelledError:
            future.add_done_callback(_kill_unwanted)
            raise
        finally:
            if not future.cancelled():
                self._waiting.pop(launch, None)

    def on_end(self, launch: int, tell: Callable[[Ended], None]) -> None:
        """Has *tell* called when that child has ended, soon if it has already."""
        if launch in self._unheard:
            self._loop.call_soon(tell, self._unheard.pop(launch))
        elif not self.alive:
            self._loop.call_soon(tell, Ended(None))
        else:
            self._endings[launch] = tell

    def close(self) -> None:
        """Ends the spawner; its children live on."""
        if self.alive:
            self._died("the host closed it")
        self._process.kill()
        self._process.wait()

    def close_if_idle(self) -> bool:
        """Closes it unless it has children; whether it is closed now."""
        if self.alive and not self._endings and not self._waiting:
            self.close()
        return not self.alive

    async def _send(self, message: dict[str, Any], descriptors: list[int]) -> None:
        while True:
            if not self.alive:
                raise SpawnerError("spawner", "it has died")
            try:
                send(self._control, message, descriptors)
                return
            except TooLargeError as error:
                raise SpawnerError("spawner", str(error)) from error
            except BlockingIOError:
                await self._writable()
            except OSError as error:
                raise SpawnerError("spawner", error.strerror or str(error)) from error

    async def _writable(self) -> None:
        free: asyncio.Future[None] = self._loop.create_future()
        with contextlib.closing(socket.socket(fileno=os.dup(self._control.fileno()))) as copy:
            # A copy, since a descriptor can have one writer's callback only, and two launches may wait.
            self._loop.add_writer(copy.fileno(), _set, free)
            try:
                await free
            finally:
                self._loop.remove_writer(copy.fileno())

    def _hear(self) -> None:
        while self.alive:
            try:
                message, descriptors = receive(self._control)
            except BlockingIOError:
                return
            except OSError as error:
                self._died(error.strerror or str(error))
                return
            if message is None:
                self._died("it has ended")
                return
            self._take(message, descriptors)

    def _take(self, message: dict[str, Any], descriptors: list[int]) -> None:
        if "ready" in message:
            self._ready.set_result(message["ready"])
        elif "launched" in message:
            launch = message["launched"]
            future = self._waiting.pop(launch, None)
            launched = Launched(launch, message["pid"], descriptors[0])
            if future is None or future.done():
                _kill(launched)
            else:
                future.set_result(launched)
        elif "failed" in message:
            future = self._waiting.pop(message["failed"], None)
            if future is not None and not future.done():
                future.set_exception(SpawnerError(message["step"], message["error"]))
        elif "exited" in message:
            ended = Ended(message["status"], message["cpu_s"], message["rss_bytes"])
            tell = self._endings.pop(message["exited"], None)
            if tell is not None:
                tell(ended)
            else:
                self._unheard[message["exited"]] = ended

    def _died(self, why: str) -> None:
        self.alive = False
        self._loop.remove_reader(self._control.fileno())
        self._control.close()
        if not self._ready.done():
            self._ready.set_exception(SpawnerError("spawner", why))
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(SpawnerError("spawner", f"{why} while it was asked"))
        self._waiting.clear()
        for tell in self._endings.values():
            tell(Ended(None))
        self._endings.clear()
        # It may have closed its socket and live on.
        self._process.kill()
        self._process.wait()
        log.log(
            logging.DEBUG if why == "the host closed it" else logging.WARNING,
            "spawner.ended",
            extra={"pid": self._process.pid, "why": why, "code": self._process.returncode},
        )


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _kill_unwanted(future: asyncio.Future[Launched]) -> None:
    if not future.cancelled() and future.exception() is None:
        _kill(future.result())


def _kill(launched: Launched) -> None:
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(launched.pidfd, signal.SIGKILL)
    os.close(launched.pidfd)
