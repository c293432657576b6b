"""A plugin that does what it is told, in the sandbox that is being tried."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from host.clock import SystemClock
from host.process.child import Child
from host.process.exits import ExitReport
from host.process.launcher import SandboxLauncher
from host.process.spec import LaunchSpec
from host.sandbox.opening import OpenSandbox, open_sandbox
from host.sandbox.policy import SandboxPolicy
from plugin_sdk.contract.manifest import Manifest, parse_manifest

# What an attack finds out it leaves in `answer`; an error it does not catch is the answer.
OBEDIENT = """
import traceback

class Plugin:
    def predict(self, input):
        scope = {"answer": None}
        try:
            exec(input["code"], scope)
        except BaseException as error:
            return {"raised": type(error).__name__, "errno": getattr(error, "errno", None), "text": str(error)}
        return {"answer": scope["answer"]}
"""
HELLO = {
    "protocol": {"min": 1, "max": 1},
    "host": {"name": "test", "version": "0"},
    "plugin": {"name": "inmate", "version": "1.0.0"},
    "instance": "test",
    "epoch": 1,
    "handles": ["ml-driven"],
    "config": {},
    "limits": {},
    "seed": 1,
}
WITHIN_S = 20.0


class Cell:
    """One running inmate."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self._lines: asyncio.Queue[bytes] = asyncio.Queue()
        self._rest = b""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(child.stdout_fd, self._read)
        self._reading = True
        self._next = 0

    async def call(self, method: str, params: object) -> Any:
        """One call; its whole answer."""
        self._next += 1
        message = {"jsonrpc": "2.0", "id": self._next, "method": method, "params": params}
        os.write(self.child.stdin_fd, json.dumps(message).encode() + b"\n")
        async with asyncio.timeout(WITHIN_S):
            line = await self._lines.get()
        if not line:
            raise EOFError("the inmate has closed its stdout")
        return json.loads(line)

    async def run(self, code: str) -> Any:
        """What *code* leaves in `answer`; fails when it raises."""
        told = await self.attempt(code)
        assert "answer" in told, told
        return told["answer"]

    async def attempt(self, code: str) -> Any:
        """`{"answer": ...}`, or `{"raised": name, "errno": n}`."""
        answer = await self.call("predict", {"input": {"code": code}})
        return answer["result"]["prediction"]

    async def end(self, code: str) -> ExitReport:
        """Has it run code that it does not survive."""
        with contextlib.suppress(EOFError):
            await self.attempt(code)
        async with asyncio.timeout(WITHIN_S):
            return await asyncio.shield(self.child.exited)

    async def close(self) -> None:
        """Ends it, if it has not ended."""
        self.child.kill("stopped", "the test is over")
        await self.child.exited
        self._stop()
        self.child.close_pipes()

    def _read(self) -> None:
        data = os.read(self.child.stdout_fd, 65536)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._lines.put_nowait(line)
        if not data:
            self._stop()
            self._lines.put_nowait(b"")

    def _stop(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self.child.stdout_fd)


class Prison:
    """An open sandbox, and ways to put inmates into it."""

    def __init__(self, opened: OpenSandbox, folder: Path) -> None:
        self.opened = opened
        self.folder = folder
        self.cells: list[Cell] = []

    @property
    def launcher(self) -> SandboxLauncher:
        assert isinstance(self.opened.launcher, SandboxLauncher)
        return self.opened.launcher

    def write(
        self, name: str = "inmate", *, more: str = "", code: str = OBEDIENT, entry: str | None = None
    ) -> Path:
        """A plugin folder."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        how = 'entry = "plugin:Plugin"' if entry is None else entry
        head = f'[plugin]\nname = "{name}"\nversion = "1.0.0"\nhandles = ["ml-driven"]\n{how}\n'
        (folder / "plugin.toml").write_text(head + more)
        (folder / "plugin.py").write_text(code)
        return folder

    def spec(self, folder: Path, **others: Any) -> LaunchSpec:
        """How the sandbox would start it."""
        scratch = self.folder / f"{folder.name}.scratch"
        scratch.mkdir(exist_ok=True)
        return self.opened.sandbox.launch_spec(self.manifest(folder), folder, scratch, **others)

    @staticmethod
    def manifest(folder: Path) -> Manifest:
        return parse_manifest((folder / "plugin.toml").read_bytes())

    async def start(self, spec: LaunchSpec) -> Cell:
        """Starts it, and no more."""
        cell = Cell(await self.opened.launcher.launch(spec))
        self.cells.append(cell)
        return cell

    async def inmate(self, *, change: Callable[[LaunchSpec], LaunchSpec] | None = None, **how: Any) -> Cell:
        """A plugin that has been initialized and takes orders."""
        spec = self.spec(self.write(**how))
        cell = await self.start(change(spec) if change else spec)
        answer = await cell.call("initialize", HELLO)
        assert "result" in answer, (answer, cell.child.output.tail(20))
        return cell


@contextlib.asynccontextmanager
async def open_prison(folder: Path, policy: SandboxPolicy | None = None, **how: Any) -> AsyncIterator[Prison]:
    """A sandbox of this machine; everything in it is gone afterwards. Nothing in it is made ahead of need, unless asked."""
    folder.chmod(0o755)
    policy = policy or SandboxPolicy(min_tier="none")
    opened = await open_sandbox(policy, SystemClock(), **{"cells": 0, **how})
    prison = Prison(opened, folder)
    try:
        yield prison
    finally:
        for cell in prison.cells:
            await cell.close()
        await opened.aclose()


def with_plan(spec: LaunchSpec, **changes: Any) -> LaunchSpec:
    """The spec with members of its plan replaced."""
    assert spec.confinement is not None
    plan = {**spec.confinement.plan, **changes}
    return dataclasses.replace(spec, confinement=dataclasses.replace(spec.confinement, plan=plan))
