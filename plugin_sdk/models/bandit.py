"""Chooses, queue by queue, which of several rules orders it, and learns from what came of it.

Sources: LinUCB, Li et al. (2010). The rules: first come first served; shortest first; WFP3 and UNICEP, Tang et al. (2009);
F1, Carastan-Santos and de Camargo (2017); smallest area first.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from plugin_sdk.contract.messages import Abstained
from plugin_sdk.contract.workload import WorkloadDataPoint

Job = Mapping[str, Any]
FLOOR_S = 10.0
CONTEXT = 5
PENDING_MOST = 2_000
BEST_SCORE = 1.0


def _seconds(job: Job, now: float) -> tuple[float, float, float]:
    """Requested time, processors and time waited, none of them 0."""
    return (
        max(job["requestedTime"] / 1000.0, FLOOR_S),
        float(job["procs"]),
        max(now - job["submit"], 0.0) / 1000.0,
    )


def _fcfs(job: Job, now: float) -> float:
    return now - float(job["submit"])


def _shortest(job: Job, now: float) -> float:
    return -_seconds(job, now)[0]


def _wfp3(job: Job, now: float) -> float:
    asked, procs, waited = _seconds(job, now)
    return (waited / asked) ** 3 * procs


def _unicep(job: Job, now: float) -> float:
    asked, procs, waited = _seconds(job, now)
    return waited / (math.log2(procs + 1) * asked)


def _f1(job: Job, now: float) -> float:
    asked, procs, _ = _seconds(job, now)
    return -(math.log10(asked) * procs + 870.0 * math.log10(max(job["submit"] / 1000.0, 1.0)))


def _smallest_area(job: Job, now: float) -> float:
    asked, procs, _ = _seconds(job, now)
    return -asked * procs


RULES: dict[str, Callable[[Job, float], float]] = {
    "fcfs": _fcfs,
    "shortest-first": _shortest,
    "wfp3": _wfp3,
    "unicep": _unicep,
    "f1": _f1,
    "smallest-area": _smallest_area,
}


class QueueBandit:
    """Answers queues with `order`; the host starts jobs by it, with backfilling.

    What a choice came to is told by `learn`: the score that the host gave the answer (its bound over its objective) when
    this plugin decided, and the bounded slowdown of a job whose outcome names the request and its `waitMs`.
    Configuration: `explore` (0.3), how much the unknown is worth.
    """

    def __init__(self, name: str) -> None:
        """Args:
        name: Its plugin's, by which the host says who decided.
        """
        self.explore = 0.3
        self._name = name
        self.arms = {name: _Arm() for name in RULES}
        self._pending: OrderedDict[str, tuple[str, list[float]]] = OrderedDict()

    def init(self, config: dict[str, Any]) -> None:
        """Takes the manifest's `[config]`."""
        self.explore = float(config.get("explore", self.explore))

    def optimize(self, request: dict[str, Any]) -> dict[str, Any] | Abstained:
        """Orders the queue by the rule that promises most for a queue like this."""
        data = request.get("data")
        if not isinstance(data, dict) or not data.get("jobs") or "cluster" not in data:
            return Abstained(reason="it orders queues")
        context = _context(data)
        rule = max(self.arms, key=lambda name: self.arms[name].promise(context, self.explore))
        request_id = request.get("requestId")
        if isinstance(request_id, str):
            self._pending[request_id] = (rule, context)
            while len(self._pending) > PENDING_MOST:
                self._pending.popitem(last=False)
        promised = {each["job"]: each["start"] for each in data.get("reservations") or ()}
        now, score = data["now"], RULES[rule]
        # Whoever has a promise goes first, earliest promise first: a promise that is broken spoils the answer.
        order = sorted(data["jobs"], key=lambda job: (promised.get(job["id"], math.inf), -score(job, now)))
        return {
            "success": True,
            "result": {"order": [job["id"] for job in order]},
            "metadata": {"rule": rule},
        }

    def learn(self, points: Iterable[WorkloadDataPoint], reset: bool = False) -> None:
        """Takes what came of earlier choices."""
        if reset:
            self.arms = {name: _Arm() for name in RULES}
        for point in points:
            chosen = self._pending.get(point.request_id or "")
            reward = _reward(point, self._name) if chosen is not None else None
            if chosen is not None and reward is not None:
                self.arms[chosen[0]].update(chosen[1], reward)

    def describe(self) -> dict[str, Any]:
        """How often each rule was found out about, and how it did."""
        return {name: {"outcomes": arm.count, "mean_reward": arm.mean} for name, arm in self.arms.items()}


class _Arm:
    """Ridge regression of the reward on the context, kept as its inverse (Sherman and Morrison)."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self._inverse = [[float(row == column) for column in range(CONTEXT)] for row in range(CONTEXT)]
        self._sums = [0.0] * CONTEXT

    def promise(self, context: list[float], explore: float) -> float:
        spread = [sum(a * x for a, x in zip(row, context, strict=True)) for row in self._inverse]
        weights = [sum(a * b for a, b in zip(row, self._sums, strict=True)) for row in self._inverse]
        expected = sum(w * x for w, x in zip(weights, context, strict=True))
        unknown = sum(s * x for s, x in zip(spread, context, strict=True))
        return expected + explore * math.sqrt(max(unknown, 0.0))

    def update(self, context: list[float], reward: float) -> None:
        spread = [sum(a * x for a, x in zip(row, context, strict=True)) for row in self._inverse]
        scale = 1.0 + sum(s * x for s, x in zip(spread, context, strict=True))
        for row in range(CONTEXT):
            for column in range(CONTEXT):
                self._inverse[row][column] -= spread[row] * spread[column] / scale
        self._sums = [total + reward * x for total, x in zip(self._sums, context, strict=True)]
        self.count += 1
        self.mean += (reward - self.mean) / self.count


def _context(data: dict[str, Any]) -> list[float]:
    """What the queue looks like: how full, how long, how uneven; all about 0 to 1."""
    jobs, procs = data["jobs"], max(float(data["cluster"]["procs"]), 1.0)
    busy = sum(each["procs"] for each in data.get("running") or ())
    logs = [math.log10(max(job["requestedTime"] / 1000.0, FLOOR_S)) for job in jobs]
    mean = sum(logs) / len(logs)
    spread = math.sqrt(sum((each - mean) ** 2 for each in logs) / len(logs))
    waiting = sum(job["procs"] for job in jobs)
    return [
        1.0,
        min(busy / procs, 1.0),
        min(waiting / procs / 10.0, 1.0),
        min(mean / 6.0, 1.0),
        min(spread, 1.0),
    ]


def _reward(point: WorkloadDataPoint, name: str) -> float | None:
    """In (0, 1]: the host's score of the answer, or one over a job's bounded slowdown."""
    said = point.metadata or {}
    if said.get("source") == "request":
        mine = str(said.get("decidedBy", "")).startswith(f"{name}@")
        score = said.get("score")
        return float(score) if mine and isinstance(score, int | float) and 0 < score <= BEST_SCORE else None
    wait_ms = said.get("waitMs")
    if not isinstance(wait_ms, int | float) or wait_ms < 0 or point.duration < 0:
        return None
    run_s, wait_s = point.duration / 1000.0, wait_ms / 1000.0
    return 1.0 / max((wait_s + run_s) / max(run_s, FLOOR_S), 1.0)
