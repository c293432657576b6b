"""Counts what the host answered. Pure: answers in, numbers out."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

BUILTIN = "builtin:"
MESSAGE_LIMIT = 5  # distinct failures that are kept word for word


@dataclass
class TypeTally:
    """Of one request type.

    Fields:
        gains: Of each answer with an objective beside the built-in's: by which fraction it was better.
        times_ms: From the caller's side.
    """

    asked: int = 0
    answered: int = 0
    degraded: int = 0
    deciders: Counter[str] = field(default_factory=Counter)
    gains: list[float] = field(default_factory=list)
    times_ms: list[float] = field(default_factory=list)

    @property
    def mean_gain(self) -> float | None:
        """Mean fraction by which answers beat the built-in's; `None` where there was nothing to compare."""
        return sum(self.gains) / len(self.gains) if self.gains else None

    @property
    def beaten(self) -> int:
        """Answers that were better than the built-in's."""
        return sum(gain > 0 for gain in self.gains)


@dataclass
class Tally:
    """Of the whole replay.

    Fields:
        fates: By request type and plugin: what came of asking it ("answered", "abstained", "late", "failed", "invalid").
    """

    types: defaultdict[str, TypeTally] = field(default_factory=lambda: defaultdict(TypeTally))
    fates: defaultdict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    failures: Counter[str] = field(default_factory=Counter)
    recorded: int = 0

    def take(self, request_type: str, answer: Any, took_ms: float) -> bool:
        """Counts an answer of `engine.optimize`; whether it was one."""
        of = self.types[request_type]
        of.asked += 1
        of.times_ms.append(took_ms)
        if (
            not isinstance(answer, dict)
            or not answer.get("success")
            or not isinstance(answer.get("result"), dict)
        ):
            error = answer.get("error") if isinstance(answer, dict) else answer
            self.note_failure(request_type, str(error or "an answer without a result"))
            return False
        of.answered += 1
        of.degraded += bool(answer.get("degraded"))
        of.deciders[str(answer.get("decidedBy"))] += 1
        candidates = [each for each in answer.get("candidates") or [] if isinstance(each, dict)]
        for each in candidates:
            self.fates[request_type, str(each.get("by")).partition("@")[0]][str(each.get("status"))] += 1
        gain = gain_over_builtin(answer.get("objective"), candidates)
        if gain is not None:
            of.gains.append(gain)
        return True

    def take_failure(self, request_type: str, reason: str) -> None:
        """Counts a request that got no answer at all."""
        self.types[request_type].asked += 1
        self.note_failure(request_type, reason)

    def take_infeasible(self, request_type: str, reason: str) -> None:
        """Takes back an answer that `take` counted: it could not be carried out."""
        self.types[request_type].answered -= 1
        self.note_failure(request_type, reason)

    def note_failure(self, what: str, reason: str) -> None:
        """Keeps why something failed, the first few word for word."""
        key = f"{what}: {reason}"
        if key in self.failures or len(self.failures) < MESSAGE_LIMIT:
            self.failures[key] += 1

    def fate(self, plugin: str) -> Counter[str]:
        """What came of asking this plugin, over all types."""
        found: Counter[str] = Counter()
        for (_, name), counts in self.fates.items():
            if name == plugin:
                found += counts
        return found

    @property
    def asked(self) -> int:
        return sum(each.asked for each in self.types.values())

    @property
    def answered(self) -> int:
        return sum(each.answered for each in self.types.values())

    @property
    def unanswered(self) -> int:
        return self.asked - self.answered


def gain_over_builtin(objective: Any, candidates: Sequence[dict[str, Any]]) -> float | None:
    """By which fraction the answer's objective is below the best built-in's; `None` when either is not known.

    Objectives compare member by member; the first that differs is what is compared. Negative is worse.
    """
    builtins = [
        numbers
        for each in candidates
        if str(each.get("by")).startswith(BUILTIN) and (numbers := _numbers(each.get("objective")))
    ]
    chosen = _numbers(objective)
    if not builtins or not chosen:
        return None
    for mine, theirs in zip(chosen, min(builtins), strict=False):
        if not math.isclose(mine, theirs, rel_tol=1e-9):
            return (theirs - mine) / max(abs(theirs), abs(mine))
    return 0.0


def quantile(values: Sequence[float], level: float) -> float:
    """The smallest value that at least this fraction of them do not exceed; 0.0 of none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(level * len(ordered)) - 1))]


@dataclass
class Predictions:
    """How far predicted run times were from what the jobs took, beside what their users asked for.

    Accuracy is min(predicted, real) / max(predicted, real), so 1 is right and too much is as bad as too little.
    """

    by_job: dict[str, float] = field(default_factory=dict)
    predicted: list[float] = field(default_factory=list)
    requested: list[float] = field(default_factory=list)

    def settle(self, job: str, run_ms: float, requested_ms: float) -> None:
        """The job ended; counts if its run time was predicted when it came."""
        predicted_ms = self.by_job.pop(job, None)
        if predicted_ms is not None:
            self.predicted.append(accuracy(predicted_ms, run_ms))
            self.requested.append(accuracy(requested_ms, run_ms))


def accuracy(predicted_ms: float, real_ms: float) -> float:
    """In [0, 1]; both are floored at a second, which is what logs are exact to."""
    one, other = max(predicted_ms, 1000.0), max(real_ms, 1000.0)
    return min(one, other) / max(one, other)


def mean(values: Sequence[float]) -> float | None:
    """`None` of none."""
    return sum(values) / len(values) if values else None


def _numbers(value: Any) -> list[float]:
    if not isinstance(value, list | tuple):
        return []
    return [float(each) for each in value if isinstance(each, int | float) and math.isfinite(each)]
