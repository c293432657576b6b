"""The model has the distribution its authors published, and the same seed gives the same jobs."""

from __future__ import annotations

import math
import random
import statistics
from itertools import islice

import pytest

from host.errors import ConfigError
from host.traces.daily_cycle import BUCKETS, DAY_S, DailyCycle
from host.traces.lublin import BATCH, arrivals_s, lublin_trace, run_time_s, sizes

FIRST_OF_SEED_1 = [(1, 24392, 28800.0, "u17"), (1, 19742, 172800.0, "u1"), (1, 30218, 172800.0, "u1")]
DRAWS = 20_000  # a proportion of 0.3 is then known to 0.003 (one sigma)


def test_sizes_have_the_published_shares_of_serial_and_power_of_two_jobs():
    drawn = list(islice(sizes(random.Random(1), 128), DRAWS))
    serial = sum(size == 1 for size in drawn) / DRAWS
    powers = sum(size > 1 and size & (size - 1) == 0 for size in drawn) / DRAWS
    assert serial == pytest.approx(BATCH.serial, abs=0.015)
    # Besides those rounded on purpose, some of the other 4 % fall on a power of two.
    assert BATCH.power_of_two - 0.015 < powers < BATCH.power_of_two + 0.03
    assert min(drawn) == 1
    assert max(drawn) == 128


def test_log_sizes_of_parallel_jobs_have_the_mean_of_a_two_stage_uniform():
    logs = [math.log2(size) for size in islice(sizes(random.Random(2), 128), DRAWS) if size > 1]
    expected = (BATCH.size_first_stage * BATCH.size_low + 5 + (1 - BATCH.size_first_stage) * 7) / 2
    assert statistics.mean(logs) == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize("size", [1, 64])
def test_log_run_times_have_the_mean_of_the_hyper_gamma_and_large_jobs_run_longer(size: int):
    chance = random.Random(3)
    logs = [math.log(run_time_s(chance, size)) for _ in range(DRAWS)]
    first = BATCH.run_first_slope * size + BATCH.run_first_base
    expected = (
        first * BATCH.run_shape_1 * BATCH.run_scale_1 + (1 - first) * BATCH.run_shape_2 * BATCH.run_scale_2
    )
    assert statistics.mean(logs) == pytest.approx(expected, abs=0.15)  # cut at 12 and floored to seconds


def test_jobs_come_by_day_more_than_by_night():
    by_hour = [0] * 24
    for submit in islice(arrivals_s(random.Random(4)), 5000):
        by_hour[int(submit % DAY_S // 3600)] += 1
    assert sum(by_hour[10:18]) > 2 * sum(by_hour[0:8])


def test_the_daily_cycle_never_runs_backwards_and_keeps_whole_days():
    cycle = DailyCycle(BATCH.day_shape, BATCH.day_scale)
    assert sum(cycle.weights) == pytest.approx(BUCKETS)
    times = [cycle.clock_s(step * 613.0) for step in range(1000)]
    assert times == sorted(times)
    assert cycle.clock_s(3 * DAY_S) == pytest.approx(3 * DAY_S, abs=1e-3)


def test_the_same_seed_gives_the_same_jobs_and_another_seed_gives_others():
    assert lublin_trace(300, seed=7) == lublin_trace(300, seed=7)
    assert lublin_trace(300, seed=7).jobs != lublin_trace(300, seed=8).jobs


def test_the_first_jobs_of_a_seed_are_fixed_for_good():
    """random.Random promises the same stream for a seed on every machine and version."""
    jobs = lublin_trace(200, seed=1).jobs
    assert [(job.procs, job.run_s, job.requested_s, job.user) for job in jobs[:3]] == FIRST_OF_SEED_1


def test_users_repeat_themselves_and_ask_for_more_than_they_need():
    jobs = lublin_trace(1500, seed=5).jobs
    assert all(job.requested_s >= job.run_s for job in jobs)
    accuracy = statistics.mean(job.run_s / job.requested_s for job in jobs)
    assert 0.2 < accuracy < 0.6
    # The user's last job of the same size tells the run time far better than the overall mean does.
    last: dict[tuple[str, int], float] = {}
    errors, blind = [], []
    overall = statistics.mean(math.log(job.run_s) for job in jobs)
    for job in jobs:
        before = last.get((job.user, job.procs))
        if before is not None:
            errors.append(abs(math.log(job.run_s / before)))
            blind.append(abs(math.log(job.run_s) - overall))
        last[job.user, job.procs] = job.run_s
    assert statistics.mean(errors) < 0.7 * statistics.mean(blind)


@pytest.mark.parametrize("load", [0.5, 0.9])
def test_the_offered_load_is_about_what_was_asked_for(load: float):
    assert lublin_trace(1000, seed=3, load=load).load == pytest.approx(load, rel=0.1)


def test_the_description_says_what_is_the_models_and_what_is_ours():
    trace = lublin_trace(10, seed=3)
    assert "Lublin and Feitelson (2003), seed 3" in trace.source
    assert "The model's:" in trace.description
    assert "Ours" in trace.description


def test_one_job_is_enough_and_values_out_of_range_are_refused():
    assert len(lublin_trace(1, seed=0).jobs) == 1
    with pytest.raises(ConfigError, match="number of jobs is 0"):
        lublin_trace(0, seed=0)
    with pytest.raises(ConfigError, match="processors is 2"):
        lublin_trace(5, seed=0, procs=2)
    with pytest.raises(ConfigError, match="load is nan"):
        lublin_trace(5, seed=0, load=math.nan)
