"""Who advised what, kept until its outcome is known; and what the outcomes have taught so far.

Theory of operation. `advised` notes each answered request; `outcomes` matches points of history to them by their
`requestId`. Of a prediction every plugin's own is judged, followed or not: losses move the weights (hedge.py),
residuals the intervals (conformal.py). Of a decision only the one that was followed has consequences: its realised
cost is held against the built-in's (guard.py), which for a queue is played (shadow.py), and else is what the caller
says, or what decisions of the built-in have cost on average. One that many scored together teaches how much the
scores of each count (scorers.py).
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from host.engine.learning.conformal import RollingInterval
from host.engine.learning.guard import Guard, GuardConfig
from host.engine.learning.hedge import Hedge
from host.engine.learning.realised import cost, loss, numbers, realised
from host.engine.learning.scorers import Scorers, Support
from host.engine.learning.shadow import Finished, easy_slowdowns
from plugin_sdk.contract.problems.queue import Job, QueueProblem
from plugin_sdk.contract.workload import WorkloadDataPoint

KEPT = 20_000  # requests whose outcome is waited for
JOBS_AN_EPOCH = 32  # finished jobs of one cluster that are held against EASY together
OWN_COSTS = 50  # the latest decisions of the built-in that its average is taken from
ENOUGH_OWN = 10
TOGETHER = "ensemble"  # the adviser that several are together


class AdviserStatistics(msgspec.Struct, rename="camel", frozen=True):
    """How one adviser does.

    Fields:
        state: `following`, `aside` or `probing`.
        cost_ratio: What its decisions cost over what the built-in's would have, of the outcomes that count.
        times_aside: How often it was set aside.
        weight: Of its predictions, or of its scores under `ensemble`, among all that have been judged.
    """

    state: str
    cost_ratio: float
    times_aside: int
    weight: float | None = None


@dataclass
class _Cluster:
    """The jobs of one cluster on their way: seen waiting, started by somebody, finished."""

    procs: int
    waiting: dict[str, Job] = field(default_factory=dict)
    running: dict[str, tuple[Job, float, str, Support | None]] = field(default_factory=dict)
    finished: list[tuple[Finished, str, Support | None]] = field(default_factory=list)
    before: list[Finished] = field(default_factory=list)


class Ledger:
    """Used on the event loop's thread alone."""

    def __init__(self, config: GuardConfig | None = None) -> None:
        self._config = config or GuardConfig()
        self._predicted: OrderedDict[str, Mapping[str, Any]] = OrderedDict()
        self._decided: OrderedDict[str, tuple[str, str, Support | None]] = OrderedDict()
        self._hedge = Hedge()
        self._intervals: dict[tuple[str, str], RollingInterval] = {}
        self._guards: dict[tuple[str, str], Guard] = {}
        self._scorers: dict[str, Scorers] = {}
        self._own_costs: dict[str, deque[float]] = {}
        self._clusters: OrderedDict[int, _Cluster] = OrderedDict()
        self._started_by: OrderedDict[str, tuple[int, list[str]]] = OrderedDict()

    # What was advised

    def predicted(self, request_id: str, predictions: Mapping[str, Any]) -> None:
        """What each plugin predicted for a request, and `TOGETHER` what they came to."""
        _keep(self._predicted, request_id, predictions)

    def decided(self, request_id: str, kind: str, by: str, support: Support | None = None) -> None:
        """Whose decision of this kind was followed; and where many scored, how much each spoke for it."""
        _keep(self._decided, request_id, (kind, by, support))

    def started(
        self,
        request_id: str,
        problem: QueueProblem,
        start: Sequence[str],
        by: str,
        support: Mapping[str, Support] | None = None,
    ) -> None:
        """Whose decision started these jobs of a queue, now; and where many scored, who spoke for which job."""
        cluster = self._clusters.get(problem.cluster.procs)
        if cluster is None:
            cluster = _keep(self._clusters, problem.cluster.procs, _Cluster(problem.cluster.procs), 64)
        cluster.waiting = {job.id: job for job in problem.jobs}
        for name in start:
            job = cluster.waiting.pop(name, None)
            if job is not None:
                cluster.running[name] = (job, problem.now, by, (support or {}).get(name))
        while len(cluster.running) > KEPT:
            del cluster.running[next(iter(cluster.running))]
        _keep(self._started_by, request_id, (problem.cluster.procs, list(start)))

    def same(self, request_id: str, as_of: str) -> None:
        """A request that was answered with the answer to another: what was advised there was advised here."""
        for kept in (self._predicted, self._decided):
            if as_of in kept and request_id != as_of:
                _keep(kept, request_id, kept[as_of])

    # What came of it

    def outcomes(self, points: Iterable[WorkloadDataPoint], now: float) -> None:
        """Takes note of outcomes; those of no request that is known say nothing here."""
        for point in points:
            name = point.request_id
            if name is None or (point.metadata or {}).get("source") == "request":
                continue
            if name in self._predicted:
                self._judge_predictions(self._predicted.pop(name), point)
            if name in self._started_by:
                self._job_ended(name, point, now)
            elif name in self._decided:
                self._judge_decision(*self._decided[name], point, now)

    # What it taught

    def weights(self, names: Sequence[str], confidences: Sequence[float | None]) -> list[float]:
        """How much each prediction counts. A confidence counts only until outcomes have."""
        learnt = self._hedge.weights(names)
        if any(self._hedge.knows(name) for name in names):
            return [learnt[name] for name in names]
        return [0.5 if each is None else each for each in confidences]

    def interval(self, by: str, prediction: Any) -> dict[str, list[float]] | None:
        """Where the outcome will lie nine times in ten, by name, after what this plugin has predicted so far."""
        found = {}
        for name, value in numbers(prediction):
            rolling = self._intervals.get((by, name))
            around = None if rolling is None else rolling.around(value)
            if around is not None:
                found[name] = list(around)
        return found or None

    def aside(self, kind: str, by: str, now: float) -> str | None:
        """Why this one's decisions of this kind are not followed now; `None` when they are."""
        guard = self._guards.get((kind, by))
        return None if guard is None or guard.follows(now) else guard.why_aside(now)

    def worth(self, kind: str, by: str) -> float:
        """How much this one's scores count beside the built-in's, which count 1: less where its decisions cost more."""
        guard, scorers = self._guards.get((kind, by)), self._scorers.get(kind)
        alone = 1.0 if guard is None else 1.0 / min(max(guard.ratio, 0.25), 4.0)
        return alone if scorers is None else alone * scorers.worth(by)

    def standing(self, request_type: str, now: float) -> Hashable:
        """What has been learnt, as far as it changes who is followed: in another standing another answer may come."""
        if request_type == "ml-driven":
            return self._hedge.epochs
        aside = [key for key, guard in self._guards.items() if not guard.follows(now)]
        return (*(each.epochs for each in self._scorers.values()), *aside)

    def statistics(self) -> dict[str, AdviserStatistics]:
        """By `kind by`, and by `ml-driven by` for predictions."""
        found = {
            f"{kind} {by}": AdviserStatistics(guard.state, round(guard.ratio, 4), guard.times_aside)
            for (kind, by), guard in self._guards.items()
        }
        judged = sorted({by for by, _ in self._intervals} - {TOGETHER})
        weights = {f"ml-driven {by}": weight for by, weight in self._hedge.weights(judged).items()}
        for kind, scorers in self._scorers.items():
            weights |= {f"{kind} {by}": weight for by, weight in scorers.weights().items()}
        for name, weight in weights.items():
            known = found.get(name, AdviserStatistics("following", 1.0, 0))
            found[name] = msgspec.structs.replace(known, weight=round(weight, 4))
        return found

    def _judge_predictions(self, predictions: Mapping[str, Any], point: WorkloadDataPoint) -> None:
        losses = {}
        for by, prediction in predictions.items():
            mine = []
            for name, value in numbers(prediction):
                came = realised(point, name)
                if came is None:
                    continue
                mine.append(loss(value, came))
                self._intervals.setdefault((by, name), RollingInterval()).outcome(value, came)
            if mine and by != TOGETHER:
                losses[by] = sum(mine) / len(mine)
        if losses:
            self._hedge.outcome(losses)

    def _judge_decision(
        self, kind: str, by: str, support: Support | None, point: WorkloadDataPoint, now: float
    ) -> None:
        found = cost(point)
        if found is None:
            return
        mine, shadow = found
        own = self._own_costs.setdefault(kind, deque(maxlen=OWN_COSTS))
        if by.startswith("builtin:"):
            own.append(mine)
        else:
            if shadow is None:
                if len(own) < ENOUGH_OWN:
                    return
                shadow = sum(own) / len(own)
            self._guard(kind, by).outcome(mine, shadow, now)
            self._scored(kind, support, mine, shadow)

    def _job_ended(self, request_id: str, point: WorkloadDataPoint, now: float) -> None:
        procs, names = self._started_by[request_id]
        cluster = self._clusters.get(procs)
        name = (point.metadata or {}).get("jobId", names[0] if len(names) == 1 else None)
        found = None if cluster is None else cluster.running.pop(str(name), None)
        if cluster is None or found is None:
            return
        job, at, by, support = found
        cluster.finished.append((Finished(job, at, point.duration), by, support))
        if len(cluster.finished) >= JOBS_AN_EPOCH:
            self._close_epoch(cluster, now)

    def _close_epoch(self, cluster: _Cluster, now: float) -> None:
        jobs = [each for each, *_ in cluster.finished]
        # What has not ended is played too, for as long as it may run: it held processors that others waited for.
        going_on = [Finished(job, at, job.requested_time) for job, at, *_ in cluster.running.values()]
        going_on += [Finished(job, job.submit, job.requested_time) for job in cluster.waiting.values()]
        shadow = easy_slowdowns([*jobs, *going_on], cluster.procs, cluster.before)
        for each, by, support in cluster.finished:
            if each.job.id in shadow and not by.startswith("builtin:"):
                self._guard("queue", by).outcome(each.slowdown, shadow[each.job.id], now)
                self._scored("queue", support, each.slowdown, shadow[each.job.id])
        # Those that ended after the last of the next epoch's jobs can have been submitted are what ran before it.
        last = max(each.job.submit for each in jobs)
        cluster.before = [each for each in jobs if each.started + each.ran > last]
        cluster.finished = []

    def _scored(self, kind: str, support: Support | None, cost: float, shadow: float) -> None:
        if not support:
            return
        scorers = self._scorers.setdefault(kind, Scorers())
        knew = scorers.epochs
        scorers.outcome(support, cost, shadow)
        if scorers.epochs > knew == 0:
            # What they decided by weights that nobody had learnt is no account of what they will decide by these.
            self._guard(kind, TOGETHER).begin_anew()

    def _guard(self, kind: str, by: str) -> Guard:
        return self._guards.setdefault((kind, by), Guard(self._config))


def _keep(where: OrderedDict[Any, Any], key: Any, value: Any, most: int = KEPT) -> Any:
    where[key] = value
    where.move_to_end(key)
    while len(where) > most:
        where.popitem(last=False)
    return value
