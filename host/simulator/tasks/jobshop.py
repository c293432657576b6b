"""Job shops: how long the schedule is, against the best bound that anyone proved for it in the run.

A plugin dispatches: wherever several operations want a machine at once it scores them, and the highest goes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from host.simulator.play import Advice, Case, Metric, Options, Play, Played, chosen, encode_score
from host.solvers.jobshop.cp_sat import solve
from host.solvers.jobshop.population import best_order
from host.solvers.jobshop.shop import (
    DISPATCH,
    Candidate,
    Operation,
    Schedule,
    Shop,
    fault,
    makespan,
    play_shop,
    trivial_bound,
)
from host.traces.jobshop import JobShop

CP_SAT = "cp-sat"
TABU_SEARCH = "tabu-search"


class JobShopTask:
    """See the module."""

    metric = Metric("makespan over bound", "%", higher_is_better=False, over=("makespan", "bound"))
    notes: Sequence[str] = ()
    builtins: Sequence[str] = (CP_SAT, TABU_SEARCH, *DISPATCH)

    def __init__(self, shops: Sequence[JobShop], options: Options) -> None:
        names = chosen([shop.name for shop in shops], options.lists, "instance")
        self._shops = {shop.name: _shop(shop) for shop in shops if shop.name in names}
        self._options = options

    def cases(self) -> list[Case]:
        """See `Task.cases`."""
        # By family: ta01 and ta02js are both "ta".
        return [Case(name, "".join(takewhile(str.isalpha, name)) or name) for name in self._shops]

    def play(self, case: Case, advice: Advice) -> Play:
        """See `Task.play`."""
        shop = self._shops[case.key]
        if advice.builtin == CP_SAT:
            solved = solve(shop, self._options.time_limit_s)
            return _played(shop, solved.schedule, solved.bound, 1, 0)
        if advice.builtin == TABU_SEARCH:
            found = best_order(shop, self._options.time_limit_s)
            return _played(shop, found, trivial_bound(shop), 1, 0)
        rule = DISPATCH[advice.builtin] if advice.builtin is not None else None
        play = play_shop(shop)
        fallbacks = decisions = 0
        answer: int | None = None
        while True:
            try:
                asked = next(play) if answer is None else play.send(answer)
            except StopIteration as finished:
                return _played(shop, finished.value, trivial_bound(shop), decisions, fallbacks)
            decisions += 1
            scores: Sequence[float]
            if rule is not None:
                scores = [-rule(each) for each in asked.candidates]
            else:
                reply = yield encode_score(
                    {"kind": "operation", "machine": asked.machine},
                    [_candidate(each) for each in asked.candidates],
                )
                if reply.scores is None:
                    fallbacks += 1
                    scores = [each.work_left for each in asked.candidates]
                else:
                    scores = reply.scores
            answer = max(range(len(scores)), key=scores.__getitem__)


def _shop(shop: JobShop) -> Shop:
    jobs = tuple(tuple(Operation(machine, duration) for machine, duration in job) for job in shop.jobs)
    return Shop(shop.name, jobs, shop.machines)


def _candidate(each: Candidate) -> dict[str, object]:
    return {
        "id": f"{each.job}.{each.step}",
        "job": each.job,
        "start": each.start,
        "duration": each.operation.duration,
        "workLeft": each.work_left,
    }


def _played(shop: Shop, schedule: Schedule, bound: int, decisions: int, fallbacks: int) -> Played:
    wrong = fault(shop, schedule)
    if wrong is not None:
        raise AssertionError(f"{shop.name}: {wrong}")
    length = makespan(shop, schedule)
    busy = sum(operation.duration for job in shop.jobs for operation in job)
    bars = [
        (operation.machine, float(start), float(start + operation.duration), f"job {number}")
        for number, (job, starts) in enumerate(zip(shop.jobs, schedule, strict=True))
        for operation, start in zip(job, starts, strict=True)
    ]
    return Played(
        {
            "makespan over bound": 100.0 * (length / bound - 1),
            "makespan": float(length),
            "bound": float(bound),
            "utilisation": 100.0 * busy / (shop.machines * length),
        },
        bars=bars,
        bars_title="machines, by time",
        decisions=decisions,
        fallbacks=fallbacks,
    )
