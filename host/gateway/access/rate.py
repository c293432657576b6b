"""How often one caller may call: the generic cell rate algorithm, which keeps one number a caller.

Pure: time comes in as `now`.

Source: ITU-T Recommendation I.371, Annex A (GCRA, virtual scheduling); the header fields are those of the IETF
draft "RateLimit header fields for HTTP".
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass

CALLERS = 50_000  # remembered; who has not called for long is forgotten first


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a call may be made, and what is left.

    Attributes:
        remaining: Calls that may follow at once.
        retry_after_s: When refused, the shortest wait that helps.
        reset_s: Until the whole burst is there again.
    """

    allowed: bool
    limit: int
    remaining: int
    retry_after_s: float
    reset_s: float

    def headers(self) -> dict[str, str]:
        """As the answer says it."""
        said = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(math.ceil(self.reset_s)),
        }
        if not self.allowed:
            said["Retry-After"] = str(max(1, math.ceil(self.retry_after_s)))
        return said


class RateLimiter:
    """At most *rate_per_s* calls a second by each caller in the long run, *burst* at once."""

    def __init__(self, rate_per_s: float, burst: int) -> None:
        self._interval = 1.0 / rate_per_s
        self._burst = burst
        self._arrival: OrderedDict[str, float] = OrderedDict()  # of the next call by the plan, a caller

    def ask(self, caller: str, now: float, cost: int = 1) -> Verdict:
        """Whether a call of this *cost* may be made now; if so, it counts as made."""
        planned = max(self._arrival.get(caller, now), now)
        window = self._interval * self._burst
        after = planned + self._interval * cost
        if after - now > window + 1e-9:
            return Verdict(False, self._burst, 0, after - now - window, planned - now)
        self._note(caller, after)
        left = int((window - (after - now)) / self._interval + 1e-6)
        return Verdict(True, self._burst, left, 0.0, after - now)

    def charge(self, caller: str, now: float, cost: int) -> None:
        """Counts calls that were let in before their number was known; they are paid for by the next ones."""
        if cost > 0:
            self._note(caller, max(self._arrival.get(caller, now), now) + self._interval * cost)

    def _note(self, caller: str, arrival: float) -> None:
        self._arrival[caller] = arrival
        self._arrival.move_to_end(caller)
        if len(self._arrival) > CALLERS:
            self._arrival.popitem(last=False)
