"""Tries each canary in the sandbox and, as its positive control, without it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import msgspec

from host.clock import Clock
from host.process.child import Launcher, LaunchError, LocalLauncher
from host.process.hearing import hear_out
from host.process.spec import LaunchSpec, ResourceLimits
from host.sandbox.canaries.table import CANARIES, Canary, parts
from host.sandbox.interpreter import this_interpreter
from host.sandbox.sandbox import RefusedError, Sandbox
from plugin_sdk.contract.manifest import Limits, Manifest

MIB = 2**20
CAP_MIB, DISK_MIB = 128, 8  # what it may have
TRIED_MIB, TRIED_DISK_MIB = 256, 32  # what it takes
WITHIN_S = 5.0  # of one attempt, which takes some 30 ms
_PROGRAM = Path(__file__).with_name("program.py")
_WAITS_FOR_US = "import sys; sys.stdin.read()"

Outcome = Literal["stopped", "succeeded", "unproven"]


class CanaryResult(msgspec.Struct, rename="camel", frozen=True):
    """What came of one canary.

    Fields:
        outcome: `stopped`: it was tried in the sandbox and did not succeed, and does succeed without. `succeeded`:
            in the sandbox. `unproven`: its control did not succeed either, or it never came to try.
        how: What it met, or what it got.
        control: What came of it without a sandbox.
        expected: Nothing that this machine has would stop it.
    """

    name: str
    what: str
    outcome: Outcome
    how: str
    control: str
    expected: bool = False


@dataclass(frozen=True)
class _Attempt:
    begun: bool
    succeeded: bool
    detail: str


class Scene:
    """What the canaries are after: a secret, a listener, a victim, a folder with their code. A context manager."""

    def __init__(self) -> None:
        self.token = secrets.token_hex(8)

    def __enter__(self) -> Scene:
        self.place = Path(tempfile.mkdtemp(prefix="engine-ops-doctor-"))
        self.plugin = self.place / "canary"
        self.plugin.mkdir()
        shutil.copyfile(_PROGRAM, self.plugin / "program.py")
        self.secret = self.place / "secret"
        self.secret.write_text(self.token)
        self.code = self.plugin / "code.py"
        self.code.write_text("")
        # Open to all: what stops a canary is to be the sandbox, and not the mode of a file.
        for path, mode in (
            (self.place, 0o755),
            (self.plugin, 0o777),
            (self.secret, 0o644),
            (self.code, 0o666),
        ):
            path.chmod(mode)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.victim = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _WAITS_FOR_US], stdin=subprocess.PIPE
        )
        self._victim_fd = os.pidfd_open(self.victim.pid)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_victim()
        self._listener.close()
        shutil.rmtree(self.place, ignore_errors=True)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """A private folder for one attempt."""
        path = Path(tempfile.mkdtemp(prefix="scratch-", dir=self.place))
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def orders(self, canary: str, code: str) -> dict[str, Any]:
        """What a canary is told; *code* is what it sees its own code as."""
        if self.victim.poll() is not None:  # the one before has killed it
            self._end_victim()
            self._start_victim()
        return {
            "canary": canary,
            "token": self.token,
            "secret": str(self.secret),
            "code": code,
            "port": self._listener.getsockname()[1],
            "victim": self.victim.pid,
            "memory_mib": TRIED_MIB,
            "disk_mib": TRIED_DISK_MIB,
        }

    def happened(self, canary: str) -> bool:
        """Whether it is to be seen from outside that this canary succeeded."""
        if canary == "kill_host":
            return self.victim.poll() is not None
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return False
        connection.close()
        return True

    async def victim_ended(self) -> None:
        """Waits, for at most a second, for an end that has been ordered."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self._victim_fd, _set, ended)
        try:
            async with asyncio.timeout(1.0):
                await ended
        except TimeoutError:
            return
        finally:
            loop.remove_reader(self._victim_fd)

    def _start_victim(self) -> None:
        argv = [sys.executable, "-I", "-S", "-c", _WAITS_FOR_US]
        self.victim = subprocess.Popen(argv, stdin=subprocess.PIPE)
        self._victim_fd = os.pidfd_open(self.victim.pid)

    def _end_victim(self) -> None:
        self.victim.kill()
        self.victim.communicate()
        os.close(self._victim_fd)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def try_all(sandbox: Sandbox, launcher: Launcher, clock: Clock) -> list[CanaryResult]:
    """Every canary of the table, one after the other, each in the sandbox first.

    Args:
        sandbox: With a machine.
    """
    assert sandbox.machine is not None
    active = frozenset(parts(sandbox.machine))
    results = []
    with Scene() as scene:
        for canary in CANARIES:
            inside = await _inside(canary, scene, sandbox, launcher)
            control = await _without(canary, scene, LocalLauncher(clock))
            results.append(_result(canary, inside, control, expected=not canary.stopped_by & active))
    return results


def _result(canary: Canary, inside: _Attempt, control: _Attempt, *, expected: bool) -> CanaryResult:
    outcome: Outcome = "stopped"
    how = inside.detail
    if inside.succeeded:
        outcome = "succeeded"
    elif not inside.begun:
        outcome, how = "unproven", f"it never came to try: {inside.detail}"
    elif not control.succeeded:
        outcome, how = "unproven", f"{inside.detail}, but it does not succeed without a sandbox either"
    return CanaryResult(canary.name, canary.what, outcome, how, control.detail, expected)


async def _inside(canary: Canary, scene: Scene, sandbox: Sandbox, launcher: Launcher) -> _Attempt:
    limits = Limits(memory_bytes=CAP_MIB * MIB, scratch_bytes=DISK_MIB * MIB)
    manifest = Manifest("doctor", "1.0.0", ("ml-driven",), entry="program:main", limits=limits)
    with scene.scratch() as scratch:
        try:
            # An interpreter of its own, so to speak: a canary is exec'd, not forked from a zygote.
            spec = sandbox.launch_spec(manifest, scene.plugin, scratch, this_interpreter())
        except RefusedError as error:
            return _Attempt(False, False, str(error))
        assert spec.confinement is not None
        orders = scene.orders(canary.name, f"{spec.cwd}/{scene.code.name}")
        argv = _argv(f"{spec.cwd}/program.py", orders)
        plan = {**spec.confinement.plan, "program": {**spec.confinement.plan["program"], "argv": argv}}
        spec = replace(spec, argv=argv, confinement=replace(spec.confinement, plan=plan))
        return await _attempt(canary, scene, launcher, spec)


async def _without(canary: Canary, scene: Scene, launcher: Launcher) -> _Attempt:
    with scene.scratch() as scratch:
        argv = _argv(str(scene.plugin / "program.py"), scene.orders(canary.name, str(scene.code)))
        env = {"TMPDIR": str(scratch), "LANG": "C.UTF-8"}
        spec = LaunchSpec("doctor", argv, str(scene.plugin), env, ResourceLimits())
        return await _attempt(canary, scene, launcher, spec)


def _argv(program: str, orders: dict[str, Any]) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-B", program, msgspec.json.encode(orders).decode())


async def _attempt(canary: Canary, scene: Scene, launcher: Launcher, spec: LaunchSpec) -> _Attempt:
    try:
        child = await launcher.launch(spec)
    except LaunchError as error:
        return _Attempt(False, False, str(error))
    text, report = await hear_out(child, within_s=WITHIN_S)
    said = list(_objects(text))
    words = child.output.tail(1)
    answer = said[-1] if len(said) > 1 else {}
    succeeded = bool(answer.get("succeeded"))
    detail = str(answer.get("detail") or report.summary)
    if canary.judged_outside:
        if succeeded and canary.name == "kill_host":
            await scene.victim_ended()
        succeeded = scene.happened(canary.name)
    if canary.name == "read_secret":
        succeeded = detail == scene.token
        detail = "it was read" if succeeded else detail
    if not said:
        detail = " ".join([report.summary, *words])
    return _Attempt(bool(said), succeeded, detail)


def _objects(text: bytes) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        with contextlib.suppress(msgspec.DecodeError):
            yield msgspec.json.decode(line, type=dict[str, Any])
