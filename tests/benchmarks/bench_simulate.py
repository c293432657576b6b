"""Back-tests of built-ins: how long a whole public trace takes, and a decision of it."""

from __future__ import annotations

import time
from typing import Any

from host.simulator.play import Advice, Options, alone
from host.simulator.tasks.batch import columns
from host.simulator.tasks.table import TASKS
from host.solvers.batch.replay import start_times
from host.solvers.batch.rules import EASY
from host.traces.load import load_trace
from tests.reproduce.published import REFDATA

REPEATS = 3


def run() -> dict[str, Any]:
    """The best of three of each; the first run of a process loads or compiles."""
    if not REFDATA.is_dir():
        return {"skipped": f"no reference data at {REFDATA}; set ENGINE_OPS_REFDATA to their folder"}
    found: dict[str, Any] = {}
    for name in ("KTH-SP2", "CEA-curie"):
        log = load_trace(REFDATA / "hpc_batch" / f"{name}.csv.xz")
        jobs = columns(log)
        start_times(jobs, log.procs, EASY)
        took = min(
            _timed(lambda jobs=jobs, log=log: start_times(jobs, log.procs, EASY)) for _ in range(REPEATS)
        )
        found[f"{name} under EASY, {len(jobs)} jobs, s"] = round(took, 3)
        found[f"{name} under EASY, us a job"] = round(1e6 * took / len(jobs), 2)
    task = TASKS["gpu-placement"](REFDATA / "gpu_placement", Options(lists=("default",), seeds=(42,)))
    [case] = task.cases()
    for policy in ("fgd", "best-fit"):
        decisions = alone(task.play(case, Advice(policy))).decisions
        took = min(
            _timed(lambda policy=policy: alone(task.play(case, Advice(policy)))) for _ in range(REPEATS)
        )
        found[f"openb default under {policy}, {decisions} pods, s"] = round(took, 3)
        found[f"openb default under {policy}, us a pod"] = round(1e6 * took / decisions, 1)
    return found


def _timed(work: Any) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
