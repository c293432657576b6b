"""What is known of one case under one decider, as it is kept and reported."""

from __future__ import annotations

import msgspec

from host.simulator.play import Case, Played


class Advised(msgspec.Struct, rename="camel"):
    """What asking a plugin cost.

    Fields:
        p50_ms, p99_ms: Of `score` and `predict` calls; `None` without any.
        calls, failures, abstained: Calls, those without a usable answer, and those that said no.
        late: Of the failures, those that were not answered in time.
        timed: How many of the calls are counted in the latencies: all that a decision waited for.
        latencies_ms: A sample of at most 2,000 of those, for quantiles over cases.
        errors: Why the first few failed.
    """

    calls: int = 0
    failures: int = 0
    abstained: int = 0
    late: int = 0
    timed: int = 0
    p50_ms: float | None = None
    p99_ms: float | None = None
    latencies_ms: list[float] = []
    errors: list[str] = []


class Outcome(msgspec.Struct, rename="camel"):
    """One line of `outcomes.ndjson`.

    Fields:
        seconds: That the play took, without what was loaded, compiled or started for it.
    """

    task: str
    decider: str
    settings: str
    case: Case
    played: Played
    seconds: float
    advised: Advised | None = None
