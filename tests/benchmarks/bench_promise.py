"""The promise in 100,000 calls under random faults of scripted plugins: how many broke it, and the latest answer."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import logging
import os
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

CALLS = 100_000
ENGINE = Path(__file__).parents[1] / "unit" / "host" / "engine"


def _loaded(name: str) -> ModuleType:
    """A module of the engine's tests, which are no package."""
    spec = importlib.util.spec_from_file_location(f"promise_{name}", ENGINE / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _stolen_s() -> float:
    """Seconds, over all processors, in which this virtual machine was not run although it wanted to."""
    return int(Path("/proc/stat").read_text().split()[8]) / os.sysconf("SC_CLK_TCK")


def run() -> dict[str, Any]:
    """The figures; seeds differ from the test's."""
    logging.disable(logging.CRITICAL)  # every fault is logged, and there are 100,000
    rig = _loaded("conftest").Rig()
    gc.collect()
    gc.freeze()  # as a host does when it is up
    stolen = _stolen_s()
    began = time.perf_counter()
    broken, worst, late, by_itself = asyncio.run(
        _loaded("test_liars").under_random_faults(rig, CALLS, seed=20260101)
    )
    took = time.perf_counter() - began
    gc.unfreeze()
    logging.disable(logging.NOTSET)
    return {
        "calls under random faults": f"{CALLS:,} in {took:.0f} s",
        "answers that were missing, infeasible or worse than the built-in's": len(broken),
        "latest answer after its deadline, ms": round(worst * 1000, 1),
        "answers more than 100 ms after it": late,
        "of these late by more than their thread waited for a processor": by_itself,
        "processor time that the machine's own host took away, s": round(_stolen_s() - stolen, 2),
        **({"the first of them": broken[0]} if broken else {}),
    }
