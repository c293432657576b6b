"""A place to run one plugin at: a sandbox of its own, and channels to processes in it for blocking code.

Theory of operation. The sandbox's launcher lives on an event loop, the checks are plain blocking code. So the loop
runs in a thread of its own, where it hears stderr and the ends of processes; a channel reads and writes its pipes
itself, and asks the loop for the rest.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
import threading
from collections.abc import Coroutine
from concurrent.futures import TimeoutError as WaitTimeoutError
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from host.clock import SystemClock
from host.process.child import Child, LaunchError
from host.process.exits import ExitReport
from host.process.launcher import SandboxLauncher
from host.process.spec import LaunchSpec
from host.sandbox.environments.installers import EnvironmentPolicy
from host.sandbox.environments.store import EnvironmentStore
from host.sandbox.interpreter import Interpreter
from host.sandbox.machine import at_least
from host.sandbox.opening import OpenSandbox, open_sandbox
from host.sandbox.policy import SandboxPolicy
from host.sandbox.sandbox import RefusedError, Sandbox
from plugin_sdk.contract.manifest import Manifest
from plugin_sdk.testing.channel import EndedError, PipeChannel, resident_bytes

ResultT = TypeVar("ResultT")
_LAUNCH_S = 60.0
_LOG_LINES = 20


class SandboxedChannel(PipeChannel):
    """One process of a plugin in the sandbox. Satisfies `Channel`."""

    def __init__(self, bench: Workbench, child: Child, scratch: Path) -> None:
        super().__init__(os.dup(child.stdin_fd), os.dup(child.stdout_fd))
        self._bench = bench
        self._child = child
        self._scratch = scratch
        self._killed = False
        # The channel's copy is now the only one, so that closing it is the end of file; the child closes its number.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, child.stdin_fd, inheritable=False)
        os.close(null)

    def pid(self) -> int | None:
        """See `Channel`."""
        return self._child.pid

    def wait_exit(self, timeout_s: float) -> str | None:
        """See `Channel`."""
        report = self.report(timeout_s)
        if report is None:
            return None
        return f"exit {report.exit_code}" if report.exit_code is not None else report.summary

    def report(self, timeout_s: float) -> ExitReport | None:
        """How it ended, in full; `None` when it still runs after *timeout_s*."""
        try:
            return self._bench.on_loop(_exit_of(self._child), timeout_s)
        except WaitTimeoutError:
            return None

    def memory_bytes(self) -> int | None:
        """What it and its children hold, as the host counts it."""
        return self._bench.on_loop(_memory_of(self._child))

    def kill(self) -> None:
        """See `Channel`."""
        if self._killed:
            return
        self._killed = True
        self._bench.on_loop(_end(self._child))
        self.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def held_bytes(self) -> int | None:
        """See `Channel`."""
        return resident_bytes(self.pid())

    def log(self) -> list[str]:
        """See `Channel`."""
        return self._bench.on_loop(_log_of(self._child))


class Workbench:
    """A sandbox for one plugin. Use it in a `with`.

    Args:
        folder: The plugin's own.
        data: Where environments are kept for the next time; a temporary folder without it.

    Raises:
        RefusedError: This machine cannot hold the plugin as the policy wants it.
    """

    def __init__(
        self, manifest: Manifest, folder: Path, policy: SandboxPolicy, *, data: Path | None = None
    ) -> None:
        self.manifest = manifest
        self.folder = folder.resolve()
        self._policy = policy
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="workbench", daemon=True)
        self._place = Path(tempfile.mkdtemp(prefix="engine-ops-bench-"))
        self._data = data
        self._opened: OpenSandbox | None = None
        self._interpreter: Interpreter | None = None
        self._channels: list[SandboxedChannel] = []

    def __enter__(self) -> Workbench:
        self._place.chmod(0o755)  # the plugin may be another user
        self._thread.start()
        try:
            self._opened = self.on_loop(open_sandbox(self._policy, SystemClock()), _LAUNCH_S)
            self._refuse_weak()
            self.on_loop(self._prepare(), None)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def sandbox(self) -> Sandbox:
        """What holds the plugin."""
        assert self._opened is not None
        return self._opened.sandbox

    @property
    def isolation(self) -> str:
        """The same in a few words."""
        tier = self.sandbox.tier
        return "held by its process alone" if tier == "none" else f"in a sandbox of tier {tier}"

    def start(self) -> SandboxedChannel:
        """A new process of the plugin.

        Raises:
            EndedError: It cannot be started; says why.
        """
        return self.start_other(self.manifest, self.folder, self._interpreter)

    def start_other(
        self, manifest: Manifest, folder: Path, interpreter: Interpreter | None = None
    ) -> SandboxedChannel:
        """A new process of some plugin, in the same sandbox.

        Raises:
            EndedError: It cannot be started; says why.
        """
        scratch = Path(tempfile.mkdtemp(prefix="scratch-", dir=self._place))
        try:
            spec = self.sandbox.launch_spec(manifest, folder, scratch, interpreter)
            child = self.on_loop(self._launched(spec), _LAUNCH_S)
        except (LaunchError, RefusedError, OSError) as error:
            shutil.rmtree(scratch, ignore_errors=True)
            raise EndedError(str(error)) from error
        channel = SandboxedChannel(self, child, scratch)
        self._channels.append(channel)
        return channel

    def on_loop(self, work: Coroutine[Any, Any, ResultT], timeout_s: float | None = _LAUNCH_S) -> ResultT:
        """Runs *work* on the loop's thread and waits for it."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout_s)
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """Ends what still runs, and removes what was made. Safe to call twice."""
        for channel in self._channels:
            with contextlib.suppress(Exception):
                channel.kill()
        self._channels.clear()
        if self._opened is not None:
            self.on_loop(self._opened.aclose())
            self._opened = None
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
        shutil.rmtree(self._place, ignore_errors=True)

    def _refuse_weak(self) -> None:
        policy, tier = self._policy, self.sandbox.tier
        if policy.isolation == "require" and not at_least(tier, policy.min_tier):
            raise RefusedError(
                f"this machine reaches tier {tier}, the policy wants {policy.min_tier}; `engine-ops doctor` says what "
                "is missing, --allow-weak-sandbox goes on without it"
            )

    async def _prepare(self) -> None:
        """Makes ready what is no part of the plugin's own start: its environment, the zygote it is forked from."""
        if self.manifest.python_dependencies and self.manifest.command is None:
            place = (self._data or self._place) / "environments"
            place.parent.mkdir(parents=True, exist_ok=True)
            store = EnvironmentStore(place, SystemClock(), EnvironmentPolicy())
            try:
                self._interpreter = await store.interpreter(self.manifest.python_dependencies, self.folder)
            finally:
                await store.aclose()
        assert self._opened is not None
        launcher = self._opened.launcher
        spec = self.sandbox.launch_spec(self.manifest, self.folder, self._place, self._interpreter)
        if isinstance(launcher, SandboxLauncher) and spec.confinement is not None:
            await launcher.warm(spec.confinement.preload)

    async def _launched(self, spec: LaunchSpec) -> Child:
        assert self._opened is not None
        return await self._opened.launcher.launch(spec)


async def _exit_of(child: Child) -> ExitReport:
    return await asyncio.shield(child.exited)


async def _memory_of(child: Child) -> int | None:
    return child.memory_bytes()


async def _log_of(child: Child) -> list[str]:
    return child.output.tail(_LOG_LINES)


async def _end(child: Child) -> None:
    child.kill("stopped", "the check is over")
    await asyncio.shield(child.exited)
    child.close_pipes()
