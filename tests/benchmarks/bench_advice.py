"""What advice costs: sample plugins asked through the sandbox, and the same plugins and plays in this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from host.simulator.drive import Driver
from host.simulator.house import housed
from host.simulator.play import Advice, Case, Options, Played, Task
from host.simulator.tasks.table import TASKS
from plugin_sdk.contract.messages import Capability, LearnParams, ScoreParams
from plugin_sdk.testing import PluginHarness, load_folder
from tests.reproduce.published import REFDATA, ROOT

SAMPLES = ROOT / "sample_plugins"
RUNS = (
    ("backfill-advisor", "batch", REFDATA / "hpc_batch" / "KTH-SP2.csv.xz", Options(limit=4000)),
    ("stream-packer", "binpack", REFDATA / "binpack_online" / "or3_weibull5k.json.gz", Options(lists=("OR3",))),
    ("node-value", "gpu-placement", REFDATA / "gpu_placement", Options(lists=("default",), seeds=(42,), limit=2000)),
)  # fmt: skip


class InProcess:
    """A plugin in this process, asked with the same bytes as through its pipes."""

    priority, state = 0, 0
    _score = msgspec.json.Decoder(ScoreParams)
    _learn = msgspec.json.Decoder(LearnParams)

    def __init__(self, folder: Path) -> None:
        self.name = self.by = folder.name
        self._harness = PluginHarness(load_folder(folder))
        self.capabilities: Mapping[str, Capability] = self._harness.initialize().capabilities

    async def call(self, method: str, params: bytes, *, deadline: float) -> msgspec.Raw:
        """See `Askable.call`."""
        if method == "learn":
            points = self._learn.decode(params).points
            return msgspec.Raw(msgspec.json.encode(self._harness.learn(points or [])))
        asked = self._score.decode(params)
        return msgspec.Raw(msgspec.json.encode(self._harness.score(asked.task, asked.candidates)))

    def retract(self, method: str, why: str) -> None:
        """See `Askable.retract`."""


def run() -> dict[str, Any]:
    """Latencies of a question in ms, and how much longer the whole run took through the sandbox."""
    if not REFDATA.is_dir():
        return {"skipped": f"no reference data at {REFDATA}; set ENGINE_OPS_REFDATA to their folder"}
    found: dict[str, Any] = {}
    for name, kind, data, options in RUNS:
        task = TASKS[kind](data, options)
        case = task.cases()[0]
        folder = SAMPLES / name.replace("-", "_")
        inside, inside_s, _ = asyncio.run(_timed(task, case, None, folder))
        through, through_s, driver = asyncio.run(_timed(task, case, folder, folder))
        cost = driver.cost()
        found[f"{name}: p50 of a question, ms"] = round(cost.p50_ms or 0.0, 3)
        found[f"{name}: p99 of a question, ms"] = round(cost.p99_ms or 0.0, 3)
        found[f"{name}: calls"] = cost.calls
        found[f"{name}: the run through the sandbox over that in process"] = round(through_s / inside_s, 2)
        found[f"{name}: both decided the same"] = inside.metrics == through.metrics
    return found


async def _timed(
    task: Task, case: Case, housed_in: Path | None, folder: Path
) -> tuple[Played, float, Driver]:
    if housed_in is None:
        plugin = InProcess(folder)
        return await _play(task, case, Driver(plugin), plugin.capabilities)
    async with housed(housed_in, False) as entry:
        return await _play(task, case, Driver(entry), entry.capabilities)


async def _play(
    task: Task, case: Case, driver: Driver, methods: Mapping[str, Capability]
) -> tuple[Played, float, Driver]:
    began = time.perf_counter()
    played = await driver.play(task.play(case, Advice(methods=frozenset(methods))))
    return played, time.perf_counter() - began, driver
