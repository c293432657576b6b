"""Stops asking a plugin what it keeps failing at, one method at a time; pure: time comes in as `now`.

Theory of operation. CLOSED: calls go through, and their ends are counted. After `in_a_row` failures, or when at least
`share` of at least `least` calls in the last `window_s` failed, it is OPEN: calls are refused at once, for a while
that doubles each time up to `open_cap_s`. The first call after that is the probe (HALF_OPEN), and while it is under way
it is the only one: its success closes the breaker, its failure opens it for twice as long, and a probe that is
cancelled proves nothing, so the breaker is open again for the first and shortest while.

A call is let in with a ticket, which is given back with its end. Each change of state makes new tickets, so that the
end of a call from before says nothing about the probe.

Source: Nygard, Release It!, chapter 5, "Circuit Breaker".
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

SECONDS_A_SLOT = 1.0  # of the window; what is older than it goes a slot at a time


@dataclass(frozen=True)
class BreakerPolicy:
    """When a plugin is not asked any more, and when again.

    Attributes:
        in_a_row: Failures of one method in a row that open it.
        share, least, window_s: So do failures of this part of at least so many calls within so many seconds.
        open_s, open_cap_s: It is open for this long at first, doubled each time up to the cap.
        fair_s: A late answer counts as a failure only if the call had at least this long.
    """

    in_a_row: int = 5
    share: float = 0.5
    least: int = 20
    window_s: float = 10.0
    open_s: float = 5.0
    open_cap_s: float = 300.0
    fair_s: float = 0.05


class BreakerState(enum.Enum):
    """See the theory of operation."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "halfOpen"


class CircuitBreaker:
    """One method of one plugin.

    Attributes:
        why: What opened it last; empty while it never was.
        retry_at: From when on a probe is let through; only while it is open.
    """

    def __init__(
        self, policy: BreakerPolicy, on_change: Callable[[CircuitBreaker], None] = lambda _: None
    ) -> None:
        self.policy = policy
        self.state = BreakerState.CLOSED
        self.why = ""
        self.retry_at = 0.0
        self.failures_in_a_row = 0
        self._on_change = on_change
        self._ticket = 0
        self._calm = -1  # the ticket, while all that a success has to do is to be counted
        self._slot_ends = -1e300
        self._opened = 0  # times in a row, without a success in between
        self._row_before = 0  # the latest success
        self._on_trial = 0  # what `_opened` was before the probe, until a second success
        self._probing = False
        self._slots: deque[list[float]] = deque()  # when it began, successes, failures
        self._slot: list[float] = [-1e300, 0, 0]

    def admit(self, now: float) -> int | None:
        """A ticket for one call, or `None` when none may be made now. Letting a probe through counts as making it."""
        if self.state is BreakerState.CLOSED:
            return self._ticket
        if self._probing or now < self.retry_at:
            return None
        self._probing = True
        self._move(BreakerState.HALF_OPEN)
        return self._ticket

    def succeeded(self, ticket: int, now: float) -> None:
        """The call was answered with what the method is for."""
        if ticket == self._calm and now < self._slot_ends:  # as good as always
            self._slot[1] += 1
            return
        if ticket != self._ticket:
            return
        if self.state is BreakerState.CLOSED:
            self._row_before = self.failures_in_a_row
            self.failures_in_a_row = self._on_trial = 0
            self._count(now)[1] += 1
            if not self._row_before:
                self._calm = ticket
            return
        opened = self._opened
        self._forget()
        self._on_trial = opened
        self._move(BreakerState.CLOSED)

    def retracted(self, now: float, why: str) -> None:
        """The latest success was none: what was answered turned out to be no answer."""
        if self.state is not BreakerState.CLOSED:
            return
        if self._on_trial:
            self._opened = self._on_trial
            self._open(now, f"a probe failed: {why}")
            return
        self._calm = -1
        slot = self._count(now)
        slot[1] = max(0, slot[1] - 1)
        self.failures_in_a_row = self._row_before
        self.failed(self._ticket, now, why)
        self._row_before = self.failures_in_a_row

    def failed(self, ticket: int, now: float, why: str) -> None:
        """The call was not answered, or not with what the method is for."""
        if ticket != self._ticket:
            return
        self._calm = -1
        self.failures_in_a_row += 1
        if self.state is not BreakerState.CLOSED:
            self._open(now, f"a probe failed: {why}")
            return
        self._count(now)[2] += 1
        policy = self.policy
        if self.failures_in_a_row >= policy.in_a_row:
            self._open(now, f"{self.failures_in_a_row} failures in a row, the last: {why}")
            return
        failures, calls = self._recent(now)
        if calls >= policy.least and failures >= policy.share * calls:
            self._open(now, f"{failures} of {calls} calls in {policy.window_s:g} s failed, the last: {why}")

    def cancelled(self, ticket: int, now: float) -> None:
        """Nobody waited for the end of the call: it says nothing of the plugin, but a probe is over."""
        if ticket == self._ticket and self.state is BreakerState.HALF_OPEN:
            self._probing = False
            self.retry_at = now + self.policy.open_s
            self._move(BreakerState.OPEN)

    def reset(self) -> None:
        """Closed, as at the beginning: an operator started it by hand, or its folder changed."""
        self._forget()
        if self.state is not BreakerState.CLOSED:
            self._move(BreakerState.CLOSED)

    def _open(self, now: float, why: str) -> None:
        policy = self.policy
        self.why = why
        self.retry_at = now + min(policy.open_cap_s, policy.open_s * 2.0 ** min(self._opened, 32))
        self._opened += 1
        self._on_trial = 0
        self._probing = False
        self._move(BreakerState.OPEN)

    def _move(self, state: BreakerState) -> None:
        self.state = state
        self._ticket += 1
        self._calm = -1
        self._on_change(self)

    def _forget(self) -> None:
        self._opened = self.failures_in_a_row = self._row_before = self._on_trial = 0
        self._probing = False
        self._slots.clear()
        self._slot = [-1e300, 0, 0]
        self._slot_ends = -1e300
        self._calm = -1

    def _count(self, now: float) -> list[float]:
        """Where what ends now is counted."""
        if now >= self._slot_ends:
            self._slot = [now, 0, 0]
            self._slot_ends = now + SECONDS_A_SLOT
            self._slots.append(self._slot)
            while self._slots[0][0] <= now - self.policy.window_s:
                self._slots.popleft()
        return self._slot

    def _recent(self, now: float) -> tuple[int, int]:
        """Failures and calls within the window."""
        since = now - self.policy.window_s
        failures = sum(slot[2] for slot in self._slots if slot[0] > since)
        return int(failures), int(failures + sum(slot[1] for slot in self._slots if slot[0] > since))


class Breakers:
    """All breakers of one plugin, over all its processes; made as its methods are first asked.

    Attributes:
        changes: Counts the changes of state.
    """

    def __init__(
        self,
        policy: BreakerPolicy | None = None,
        on_change: Callable[[str, CircuitBreaker], None] = lambda _, __: None,
    ) -> None:
        self.policy = policy or BreakerPolicy()
        self.on_change = on_change
        self.by_method: dict[str, CircuitBreaker] = {}
        self.changes = 0

    def of(self, method: str) -> CircuitBreaker:
        """The breaker of *method*."""
        breaker = self.by_method.get(method)
        if breaker is None:
            breaker = CircuitBreaker(self.policy, lambda changed: self._changed(method, changed))
            self.by_method[method] = breaker
        return breaker

    def _changed(self, method: str, breaker: CircuitBreaker) -> None:
        self.changes += 1
        self.on_change(method, breaker)

    def reset(self) -> None:
        """Closes them all."""
        for breaker in self.by_method.values():
            breaker.reset()

    def trouble(self) -> str:
        """A sentence on those that are not closed; empty when all are."""
        return "; ".join(
            f"{method} is not asked ({breaker.why})"
            for method, breaker in self.by_method.items()
            if breaker.state is not BreakerState.CLOSED
        )
