"""Learns how long jobs run as they end, and orders a queue by what each job loses by waiting."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

from plugin_sdk import Abstained, WorkloadDataPoint

FLOOR_MS = 10_000.0  # a bounded slowdown counts shorter jobs as this long
# Of what was known of a kind, kept when one more of its jobs ends. How long they run changes with what a user works on;
# how many end at once is seldom seen and soon forgotten, though nearly all the loss comes from those.
RUN_MEMORY, LOSS_MEMORY = 0.7, 0.98

EXACT = 0.01  # requests that are off by less, in the mean square of their logarithms, are the run times themselves


class Kind:
    """What is known of one kind of jobs: how many have ended, their mean log run time and mean loss rate."""

    __slots__ = ("count", "log_ms", "loss")

    def __init__(self) -> None:
        self.count = 0
        self.log_ms = 0.0
        self.loss = 0.0

    def add(self, run_ms: float, run_memory: float = RUN_MEMORY, loss_memory: float = LOSS_MEMORY) -> None:
        """One more ended. The first ones count alike; later, old ones fade."""
        even = self.count / (self.count + 1.0)
        self.count += 1
        keep = min(run_memory, even)
        self.log_ms = keep * self.log_ms + (1 - keep) * math.log(run_ms)
        keep = min(loss_memory, even)
        self.loss = keep * self.loss + (1 - keep) / run_ms


class BackfillAdvisor:
    """Kinds within kinds: everybody's jobs, a user's, those of them that ask for about as long, and of as many processors."""

    def __init__(
        self,
        patience_ms: float = 64_800_000.0,
        size_weight: float = 0.5,
        pseudo_jobs: float = 2.0,
        curiosity: float = 1.0,
    ) -> None:
        self.patience_ms = patience_ms
        self.size_weight = size_weight
        self.pseudo_jobs = pseudo_jobs
        self.curiosity = curiosity
        self.forget()

    def forget(self) -> None:
        """Begins anew."""
        self.kinds: dict[tuple[Any, ...], Kind] = {}
        self.all = Kind()
        self.log_use = math.log(0.5)  # how much of their requests jobs use, until it is known
        self.request_error = 1.0  # mean square of what requests were off by, in logarithms

    def learn(self, points: Iterable[WorkloadDataPoint], reset: bool = False) -> None:
        """Jobs that have ended."""
        if reset:
            self.forget()
        for point in points:
            job = point.features
            if point.request_type != "scheduling" or not has_request(job) or not point.success:
                continue
            run_ms = max(point.duration, FLOOR_MS)
            off = math.log(run_ms / max(float(job["requestedTime"]), FLOOR_MS))
            self.request_error += 0.05 * (off * off - self.request_error)
            for key in kinds_of(job):
                self.kinds.setdefault(key, Kind()).add(run_ms)
            self.all.add(run_ms, 0.999, 0.999)
            self.log_use += 0.005 * (
                math.log(run_ms / max(float(job["requestedTime"]), run_ms)) - self.log_use
            )

    def known(self, job: dict[str, Any]) -> tuple[float, float]:
        """Expected log of the run time in ms, and expected loss of slowdown a millisecond of waiting.

        What is known of a wider kind is the prior of the narrower; each counts by how many jobs it stands on.
        """
        requested = max(float(job["requestedTime"]), FLOOR_MS)
        if self.request_error < EXACT:
            return math.log(requested), 1.0 / requested
        asked = math.log(requested) + self.log_use
        log_ms, loss = (0.5 * (self.all.log_ms + asked), self.all.loss) if self.all.count else (asked, 0.0)
        for key, pseudo_jobs in zip(kinds_of(job), (self.pseudo_jobs, 1.0, self.pseudo_jobs), strict=True):
            kind = self.kinds.get(key)
            if kind is not None:
                share = kind.count / (kind.count + pseudo_jobs)
                log_ms += share * (kind.log_ms - log_ms)
                loss += share * (kind.loss - loss)
        return min(max(log_ms, math.log(FLOOR_MS)), math.log(requested)), max(loss, 1.0 / requested)

    def score(self, task: dict[str, Any], candidates: list[dict[str, Any]]) -> list[float] | Abstained:
        """First the jobs that lose most by waiting for the time they take: Smith's rule, in logarithms, with ageing.

        A wait of `patience_ms` weighs as much as a rate e times higher, so nobody waits for ever. Of a kind
        of which many wait and little is known, one goes ahead: what it teaches is worth more than its turn.
        """
        if task.get("kind") != "queue":
            return Abstained(reason="it orders queues; it has nothing to say of nodes")
        if not all(map(has_request, candidates)):
            return Abstained(reason="it orders jobs with procs and requestedTime")
        now = task["now"]
        alike: dict[tuple[Any, ...], int] = {}
        keys = [narrowest(job) for job in candidates]
        for key in keys:
            alike[key] = alike.get(key, 0) + 1
        rates: dict[tuple[Any, ...], float] = {}
        scores = []
        for job, key in zip(candidates, keys, strict=True):
            rate = rates.get(key)
            first = rate is None
            if rate is None:
                log_ms, loss = self.known(job)
                rate = rates[key] = 0.5 * (math.log(loss) - log_ms) - self.size_weight * math.log(
                    job["procs"]
                )
            score = rate + (now - job["submit"]) / self.patience_ms
            if first and alike[key] > 1:
                kind = self.kinds.get(key)
                score += self.curiosity * math.log(alike[key]) / (1 + 0.25 * (kind.count if kind else 0))
            scores.append(score)
        return scores


def narrowest(job: dict[str, Any]) -> tuple[Any, ...]:
    """A user's jobs of one size and request."""
    return str(job.get("user")), job["procs"], job["requestedTime"]


def kinds_of(job: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Of a job, the widest first: its user's jobs, those that ask for as long to the power of two, and `narrowest`."""
    yield (str(job.get("user")),)
    yield str(job.get("user")), math.frexp(job["requestedTime"])[1]
    yield narrowest(job)


def has_request(job: dict[str, Any]) -> bool:
    """Whether the two things that are always known of a job are there and make sense."""
    return all(
        isinstance(job.get(name), int | float) and 0 < job[name] < math.inf
        for name in ("procs", "requestedTime")
    )
