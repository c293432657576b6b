"""What a check found."""

from __future__ import annotations

import msgspec

Objective = tuple[float, ...]
"""Lower is better, compared member by member."""


class Verdict(msgspec.Struct, frozen=True):
    """Fine, or the rule that is broken as one sentence that names the thing and the value."""

    broken: str | None = None

    @property
    def ok(self) -> bool:
        return self.broken is None


OK = Verdict()


class Assessment(msgspec.Struct, frozen=True):
    """The verdict on an answer and, if it is fine and the problem has one, its objective.

    `objective` is `None` also when time ran out before it was known.
    """

    verdict: Verdict
    objective: Objective | None = None
