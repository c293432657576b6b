"""A job of a trace, and the trace it stands in. Times in seconds, as every public log has them."""

from __future__ import annotations

import msgspec

# Whoever plays such a log, users' requests in it are perfect: that is how the published tables of them were made.
OWN_TIME = "{count} have no requested time and get their own run time, at least 1 s: whoever is told the request knows the run time"


class TraceJob(msgspec.Struct, frozen=True):
    """What one job asked for, and what came of it.

    Fields:
        submit_s: When it came, in seconds on the trace's own clock; >= 0.
        run_s: How long it ran, in seconds; >= 0. Known only afterwards.
        procs: Processors it needs, all at once; >= 1.
        requested_s: How long its user said it would run at most; > 0.
        memory_bytes: Per processor; `None` where the log does not say.
    """

    id: str
    submit_s: float
    run_s: float
    procs: int
    requested_s: float
    user: str
    memory_bytes: float | None = None

    @property
    def held_s(self) -> float:
        """Seconds it holds its processors: a job is killed when its requested time is over."""
        return min(self.run_s, self.requested_s)


class Trace(msgspec.Struct, frozen=True):
    """Jobs by submit time, and the machine they ran on.

    Fields:
        procs: Processors of the machine; no job needs more.
        source: The file, or the model and its seed.
        description: What a reader of results must know of it: what was skipped, what is synthetic.
        skipped: Jobs of the source that cannot be used, by reason.
    """

    name: str
    procs: int
    jobs: list[TraceJob]
    source: str
    description: str
    skipped: dict[str, int] = {}

    @property
    def load(self) -> float:
        """Offered load: processor-seconds asked for, as a fraction of what the machine has while jobs come."""
        if not self.jobs:
            return 0.0
        span = self.jobs[-1].submit_s - self.jobs[0].submit_s
        area = sum(job.procs * job.held_s for job in self.jobs)
        return area / (self.procs * span) if span > 0 else 0.0

    def first(self, count: int) -> Trace:
        """The same trace with its first *count* jobs only."""
        return msgspec.structs.replace(self, jobs=self.jobs[:count])
