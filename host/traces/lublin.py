"""The workload model of Lublin and Feitelson: sizes, run times and arrivals of rigid batch jobs.

Sizes: serial with a fixed probability; else the logarithm of the size is two-stage uniform and, with a
fixed probability, rounded to a whole number, so that powers of two are preferred. Run times: the logarithm
is hyper-gamma, the weight of its first gamma falls linearly with the size. Arrivals: the logarithm of the
gap is gamma, and the gap passes faster in the busy hours of the day.

The model knows neither users nor requested times; `users.py` adds those, and that part is ours.

Source: U. Lublin and D. G. Feitelson, "The workload on parallel supercomputers: modeling the
characteristics of rigid jobs", Journal of Parallel and Distributed Computing 63(11), 2003, pp. 1105-1122.
The values are those published for batch jobs, also in the authors' generator (Parallel Workloads Archive,
"lublin99").
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from host.errors import ConfigError
from host.traces.daily_cycle import DailyCycle
from host.traces.job import Trace, TraceJob
from host.traces.users import attribute

LOG_RUN_LIMIT = 12.0  # exp(12) s = 45 h; the model draws again beyond it
LOG_GAP_LIMIT = 13.0  # exp(13) s = 5 days; likewise
PROCS_RANGE = (4, 65_536)  # below 4 the two stages of the size distribution do not fit


@dataclass(frozen=True)
class LublinParameters:
    """The published values for batch jobs; logarithms of sizes to base 2, of seconds to base e."""

    serial: float = 0.2927  # probability of one processor
    power_of_two: float = 0.6686  # probability of a parallel job of a whole power of two
    size_low: float = 1.2
    size_medium_below_high: float = 2.0  # 5 for the published machine of 2^7 processors
    size_first_stage: float = 0.875
    run_shape_1: float = 6.57
    run_scale_1: float = 0.823
    run_shape_2: float = 639.1
    run_scale_2: float = 0.0156
    run_first_slope: float = -0.003  # per processor
    run_first_base: float = 0.6986
    gap_shape: float = 6.0415 * 1.0519  # rush hour's shape times the rush-to-all ratio
    gap_scale: float = 0.8531
    day_shape: float = 6.1271
    day_scale: float = 5.2740


BATCH = LublinParameters()


def sizes(chance: random.Random, procs: int, model: LublinParameters = BATCH) -> Iterator[int]:
    """Sizes without end, each from 1 to *procs* processors."""
    high = math.log2(procs)
    medium = max(model.size_low, high - model.size_medium_below_high)
    while True:
        kind = chance.random()
        if kind <= model.serial:
            yield 1
            continue
        low, top = (model.size_low, medium) if chance.random() <= model.size_first_stage else (medium, high)
        log_size = chance.uniform(low, top)
        if kind <= model.serial + model.power_of_two:
            log_size = math.floor(log_size + 0.5)
        yield min(procs, round(2**log_size))


def run_time_s(chance: random.Random, size: int, model: LublinParameters = BATCH) -> float:
    """The run time of a job of this size: whole seconds, at least 1 (the model has 0 for the shortest)."""
    first = min(1.0, max(0.0, model.run_first_slope * size + model.run_first_base))
    while True:
        if chance.random() <= first:
            log_run = chance.gammavariate(model.run_shape_1, model.run_scale_1)
        else:
            log_run = chance.gammavariate(model.run_shape_2, model.run_scale_2)
        if log_run <= LOG_RUN_LIMIT:
            return max(1.0, math.floor(math.exp(log_run)))


def arrivals_s(
    chance: random.Random, model: LublinParameters = BATCH, *, pace: float = 1.0
) -> Iterator[float]:
    """Submit times without end, in seconds since a midnight, ascending.

    Args:
        pace: How many times as fast as in the model jobs come; the daily cycle keeps its length.
    """
    cycle = DailyCycle(model.day_shape, model.day_scale)
    busy_s = 0.0
    while True:
        log_gap = chance.gammavariate(model.gap_shape, model.gap_scale)
        if log_gap > LOG_GAP_LIMIT:
            continue
        busy_s += math.exp(log_gap) / pace
        yield cycle.clock_s(busy_s)


def lublin_trace(count: int, *, seed: int, procs: int = 128, load: float | None = 0.7) -> Trace:
    """Jobs of the model, with users and requested times of ours.

    Args:
        count: How many jobs, >= 1.
        seed: The same seed gives the same jobs, on every machine.
        procs: Of the machine; the published values are for 128.
        load: The offered load that the gaps are scaled to, > 0; `None` leaves the model's own.

    Raises:
        ConfigError: A value is out of range.
    """
    _check(count, procs, load)
    # One stream of chance each, so that a change in one of them leaves the others' jobs as they were.
    size_chance, run_chance, gap_chance, user_chance = (
        random.Random(f"{seed}:{part}") for part in ("sizes", "runs", "gaps", "users")
    )
    of_size = sizes(size_chance, procs)
    drawn = [(size, run_time_s(run_chance, size)) for size in (next(of_size) for _ in range(count))]
    pace = 1.0 if load is None else _pace(count, sum(size * run for size, run in drawn), seed, procs, load)
    times = arrivals_s(gap_chance, pace=pace)
    submits = [float(round(next(times))) for _ in range(count)]
    jobs = [
        TraceJob(
            id=str(number),
            submit_s=submit,
            run_s=sent.run_s,
            procs=sent.procs,
            requested_s=sent.requested_s,
            user=sent.user,
        )
        for number, (submit, sent) in enumerate(
            zip(submits, attribute(drawn, user_chance), strict=True), start=1
        )
    ]
    return Trace(
        f"lublin-{seed}", procs, jobs, f"model of Lublin and Feitelson (2003), seed {seed}", _said(load)
    )


def _pace(count: int, area: float, seed: int, procs: int, load: float) -> float:
    """How much faster jobs must come for this load.

    The cycle bends time, so the span is not proportional to the pace; the same gaps are drawn again and the
    pace corrected until it fits (three rounds are within a few percent; a short span is never exact).
    """
    wanted_s = area / (procs * load)
    pace = 1.0
    for _ in range(4):
        times = arrivals_s(random.Random(f"{seed}:gaps"), pace=pace)
        first = last = next(times)
        for _ in range(count - 1):
            last = next(times)
        if last <= first or wanted_s <= 0:
            break
        pace *= (last - first) / wanted_s
    return pace


def _said(load: float | None) -> str:
    scaled = "" if load is None else f" Ours: gaps scaled to an offered load of about {load:g}."
    return (
        "The model's: sizes, run times, gaps and the daily cycle (published values for batch jobs)."
        + scaled
        + " Ours, since"
        " the model has none: users (Zipf), who repeat jobs of similar size and run time in sessions (the model's own"
        " samples in another order), and requested times (each user's over-estimate, rounded up to round values)."
    )


def _check(count: int, procs: int, load: float | None) -> None:
    low, high = PROCS_RANGE
    if count < 1:
        raise ConfigError(f"the number of jobs is {count}; give 1 or more")
    if not low <= procs <= high:
        raise ConfigError(f"the number of processors is {procs}; give {low} to {high}")
    if load is not None and not (math.isfinite(load) and load > 0):
        raise ConfigError(f"the load is {load}; give a number above 0, e.g. 0.7")
