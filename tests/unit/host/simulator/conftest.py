from __future__ import annotations

import random

import pytest

from host.traces.job import Trace, TraceJob

from .scripted import log_of


@pytest.fixture
def log() -> Trace:
    """400 jobs that queue up."""
    chance = random.Random(4)
    now, jobs = 0.0, []
    for number in range(400):
        now += chance.choice([0, 1, 20, 60])
        run = float(chance.choice([2, 40, 300, 900]) + chance.randrange(30))
        jobs.append(
            TraceJob(
                str(number),
                now,
                run,
                chance.choice([1, 2, 8, 16]),
                run * chance.choice([1, 2, 8]),
                f"u{chance.randrange(6)}",
            )
        )
    return log_of(jobs)
