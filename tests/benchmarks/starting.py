"""What the benchmarks of starting and holding share: plugins to start, and how long one takes to its first answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from host.clock import SystemClock
from host.process.child import Child
from host.process.spec import LaunchSpec
from host.sandbox.interpreter import this_interpreter
from host.sandbox.opening import OpenSandbox, open_sandbox
from host.sandbox.policy import SandboxPolicy
from plugin_sdk.contract.manifest import Manifest

WITHIN_S = 60.0
HELLO = {
    "protocol": {"min": 1, "max": 1},
    "host": {"name": "benchmark", "version": "0"},
    "plugin": {"name": "measured", "version": "1.0.0"},
    "instance": "benchmark",
    "epoch": 1,
    "handles": ["ml-driven"],
    "config": {},
    "limits": {},
    "seed": 1,
}
# Imports what the samples import, makes a model, and answers before it has learnt anything.
SCIENCE = """
import numpy
from sklearn.ensemble import RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

class Plugin:
    def __init__(self):
        self.model = make_pipeline(StandardScaler(), RandomForestRegressor(n_estimators=100))

    def predict(self, input):
        return float(numpy.log1p(float(input)))
"""
# The same, with a model that is fitted at its start and asked.
FITTED = """
import numpy
from sklearn.linear_model import LinearRegression

class Plugin:
    def __init__(self):
        column = numpy.arange(10.0)[:, None]
        self.model = LinearRegression().fit(column, column[:, 0])

    def predict(self, input):
        return float(self.model.predict([[float(input)]])[0])
"""
# A program that speaks the protocol with the standard library alone, so that its interpreter's start is all there is.
STDLIB = """
import json, sys
for line in sys.stdin.buffer:
    call = json.loads(line)
    hello = {"protocol": 1, "plugin": {"name": "measured", "version": "1.0.0"}, "capabilities": ["predict"]}
    result = hello if call["method"] == "initialize" else {"prediction": call["params"]["input"]}
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": result}) + "\\n")
    sys.stdout.flush()
"""


def line(number: int, method: str, params: object) -> bytes:
    """One call."""
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode() + b"\n"


CALLS = (line(1, "initialize", HELLO), line(2, "predict", {"input": 3}))


class Yard:
    """An open sandbox and a plugin folder for each kind of plugin."""

    def __init__(self, opened: OpenSandbox, place: Path) -> None:
        self.opened = opened
        self.place = place
        codes = {"science": SCIENCE, "fitted": FITTED, "stdlib": STDLIB}
        self.folders = {name: place / name for name in codes}
        for name, code in codes.items():
            self.folders[name].mkdir()
            (self.folders[name] / "plugin.py").write_text(code)

    def spec(self, kind: str, *, forked: bool) -> LaunchSpec:
        """How the host starts it; exec'd and not forked from a zygote if so wished."""
        manifest = Manifest(kind, "1.0.0", ("ml-driven",), entry="plugin:Plugin")
        scratch = Path(tempfile.mkdtemp(dir=self.place))
        interpreter = None if forked else this_interpreter()
        return self.opened.sandbox.launch_spec(manifest, self.folders[kind], scratch, interpreter)

    def script(self) -> LaunchSpec:
        """The program of the standard library alone, exec'd."""
        spec = self.spec("stdlib", forked=False)
        assert spec.confinement is not None
        argv = (sys.executable, "-I", "-S", "-B", f"{spec.cwd}/plugin.py")
        plan = {**spec.confinement.plan, "program": {**spec.confinement.plan["program"], "argv": argv}}
        return replace(spec, argv=argv, confinement=replace(spec.confinement, plan=plan))

    async def start(self, spec: LaunchSpec) -> tuple[Child, float]:
        """A child that has answered, and how many seconds that took from the order on."""
        began = time.perf_counter()
        child = await self.opened.launcher.launch(spec)
        for call in CALLS:
            await answer(child, call)
        return child, time.perf_counter() - began

    async def first_answer(self, spec: LaunchSpec) -> float:
        """Seconds from the order to the answer; the child is ended afterwards."""
        child, took = await self.start(spec)
        await end(child)
        return took


@contextlib.asynccontextmanager
async def yard() -> AsyncIterator[Yard]:
    """A sandbox as the host would open it; says so when it is not the whole."""
    opened = await open_sandbox(SandboxPolicy(isolation="best-effort"), SystemClock())
    try:
        if opened.sandbox.tier != "A":
            print(
                f"THIS MACHINE REACHES TIER {opened.sandbox.tier}: not the whole sandbox is measured",
                file=sys.stderr,
            )
        with tempfile.TemporaryDirectory(prefix="engine-ops-bench-") as place:
            Path(place).chmod(0o755)
            yield Yard(opened, Path(place))
    finally:
        await opened.aclose()


async def answer(child: Child, call: bytes) -> bytes:
    """Sends one call and reads its answer."""
    loop = asyncio.get_running_loop()
    got: asyncio.Future[bytes] = loop.create_future()
    text = bytearray()

    def read() -> None:
        data = os.read(child.stdout_fd, 65536)
        text.extend(data)
        if not got.done() and (not data or text.endswith(b"\n")):
            got.set_result(bytes(text))

    loop.add_reader(child.stdout_fd, read)
    try:
        os.write(child.stdin_fd, call)
        async with asyncio.timeout(WITHIN_S):
            said = await got
    finally:
        loop.remove_reader(child.stdout_fd)
    if b'"result"' not in said:
        raise RuntimeError(f"it answered {said!r}; its log ends with {child.output.tail(5)}")
    return said


async def end(child: Child) -> None:
    """Kills it and waits until it is gone."""
    child.kill("stopped", "it was measured")
    await asyncio.shield(child.exited)
    child.close_pipes()


def plain_first_answer(program: Path) -> float:
    """Seconds to the answer of the same program by `subprocess.Popen` and nothing else."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", str(program)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    ) as process:
        assert process.stdin and process.stdout
        for call in CALLS:
            process.stdin.write(call)
            if not process.stdout.readline():
                raise RuntimeError("the plain program did not answer")
        took = time.perf_counter() - began
        process.kill()
    return took


def empty_interpreter() -> float:
    """Seconds for `python -I -S -c pass`."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-S", "-c", "pass"], check=True)
    return time.perf_counter() - began


def pss_bytes(pid: int) -> int:
    """Its share of memory, what it shares divided by those who share it; 0 where that may not be read."""
    with contextlib.suppress(OSError):
        for row in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if row.startswith("Pss:"):
                return int(row.split()[1]) * 1024
    return 0


def parents_within(pid: int) -> Iterator[int]:
    """The process and, where it has one, the process 1 of its own pid namespace above it."""
    yield pid
    status = dict(
        row.split(":\t", 1) for row in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in row
    )
    if status.get("NSpid", "").split()[1:] == ["2"]:
        yield int(status["PPid"])


def ms(seconds: float) -> Any:
    """For tables."""
    return round(seconds * 1000, 2)
