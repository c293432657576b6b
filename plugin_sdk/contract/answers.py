"""What the engine answers: the result, who decided, and what became of everyone who was asked."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

CandidateStatus = Literal["answered", "abstained", "late", "failed", "invalid"]


class AnswerMetrics(msgspec.Struct, rename="camel"):
    """Whole milliseconds (the seed's Go client reads an integer), and bound / objective in [0, 1].

    `score` is 1.0 when the bound is met; 0.0 where the problem has no objective or nothing was found.
    """

    duration_ms: int
    score: float


class Candidate(msgspec.Struct, rename="camel", omit_defaults=True):
    """One who was asked, and what came of it.

    Fields:
        by: `name@version` of a plugin, or `builtin:NAME`.
        objective: Lower is better, compared member by member.
        reason: Why it did not count, for any status but "answered".
        bound: What a refiner found that no answer can beat.
        gap: How far its objective is above that, as a share of the bound: 0 when it is proven best.
        out_of_time: Whether a refiner was cut short; `None` for all others.
    """

    by: str
    status: CandidateStatus
    duration_ms: float
    objective: list[float] | None = None
    confidence: float | None = None
    reason: str | None = None
    bound: list[float] | None = None
    gap: float | None = None
    out_of_time: bool | None = None


class Answer(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True):
    """The answer to `engine.optimize`.

    Fields:
        decided_by: `name@version`, `builtin:NAME`, or "ensemble" when several were combined; `None` without a result.
        degraded: Whether something was weaker than asked for (a plugin failed, was late or invalid, or could
            not be asked because it is down); `reasons` says what.
        cached: Whether it was made for an equal request before, or for one that was in flight.
    """

    request_id: str
    success: bool
    result: dict[str, Any] | None = None
    error: str | None = None
    metrics: AnswerMetrics
    decided_by: str | None
    strategy: str
    degraded: bool
    reasons: list[str] = []
    candidates: list[Candidate]
    objective: list[float] | None = None
    cached: bool = False
