"""A sample of every published table; `make reproduce` plays them all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from host.simulator.tasks.batch import columns
from host.solvers.batch.replay import start_times
from host.solvers.batch.rules import RULES
from host.traces.load import load_trace
from tests.reproduce import published, tasks

pytestmark = pytest.mark.usefixtures("refdata")


@pytest.mark.parametrize("rules", sorted(published.SCHEDULERS))
def test_every_job_of_a_log_starts_in_the_published_second(rules: str, refdata: Path) -> None:
    log = load_trace(refdata / "hpc_batch" / "KTH-SP2.csv.xz")
    ours = start_times(columns(log), log.procs, RULES[rules])
    assert np.array_equal(ours, published.starts("KTH-SP2", published.SCHEDULERS[rules]))


def test_fgd_and_best_fit_allocate_as_published() -> None:
    cells = tasks.placement(["default"], ["fgd", "best-fit"], [42])
    assert [abs(cell.difference) < 0.3 for cell in cells] == [True] * 4


def test_windows_of_a_queue_come_out_to_two_decimals() -> None:
    cells = tasks.queue([("lublin_256", True)])
    assert [round(cell.ours, 2) for cell in cells] == [cell.published for cell in cells]


def test_bins_come_out_to_two_decimals() -> None:
    assert [round(cell.ours, 2) for cell in tasks.binpack()] == list(published.BINPACK.values())


def test_small_job_shops_are_solved_to_the_optimum() -> None:
    pytest.importorskip("ortools", reason="CP-SAT IS MISSING: pip install 'engine-ops[solve]'")
    cells = tasks.jobshop(["ft06", "la05", "la10"], 60.0)
    assert [cell.ours for cell in cells] == [cell.published for cell in cells] and len(cells) == 3
