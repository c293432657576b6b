"""ADWIN: a window over a stream of numbers that shrinks when its newer part is different from its older one.

Theory of operation. The window is kept as buckets of 1, 2, 4, ... values, at most `BUCKETS` of a size, so it takes
memory in the logarithm of its length. Now and then each way to cut it between two buckets is looked at: when the means
of the two parts differ by more than chance allows, the older part goes. Where several cuts tell, it is that of the one
that tells most: what is left is then of after the change, and one change is told once. (The paper lets the oldest
bucket go until no cut tells, which leaves some of before, and tells again when there is more of after.)
Source: Bifet & Gavaldà (2007), Learning from Time-Changing Data with Adaptive Windowing, sections 2 and 4; the bound
with the variance is their equation for ADWIN2, valid for values in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

BUCKETS = 5  # of each size
CHECK_EVERY = 32  # values
LEAST_PART = 16  # values on either side of a cut


class Change(NamedTuple):
    """A cut that told: the means and lengths of the older and the newer part."""

    before: float
    after: float
    old: int
    new: int


class Adwin:
    """One stream. Values lie in [0, 1].

    Args:
        delta: Bound on the chance that a check tells of a change where there is none.
    """

    def __init__(self, delta: float = 0.002) -> None:
        self._delta = delta
        self._rows: list[list[tuple[float, float]]] = [
            []
        ]  # of 2**row values: sum and sum of squares; oldest first
        self._since_check = 0
        self.length = 0
        self._sum = 0.0
        self._squares = 0.0

    @property
    def mean(self) -> float:
        """Of the window."""
        return self._sum / self.length if self.length else 0.0

    def add(self, value: float) -> Change | None:
        """Takes the next value; the cut that told most, if the window had to shrink."""
        self._rows[0].append((value, value * value))
        self.length += 1
        self._sum += value
        self._squares += value * value
        self._compress()
        self._since_check += 1
        if self._since_check < CHECK_EVERY:
            return None
        self._since_check = 0
        change = self._cut()
        if change is not None:
            left = self.length - change.old
            while self.length > left:
                self._drop_oldest()
        return change

    def _compress(self) -> None:
        for at, row in enumerate(self._rows):
            if len(row) <= BUCKETS:
                return
            (one, one_squares), (other, other_squares) = row[:2]
            del row[:2]
            if at + 1 == len(self._rows):
                self._rows.append([])
            self._rows[at + 1].append((one + other, one_squares + other_squares))

    def _oldest_first(self) -> Iterator[tuple[int, float]]:
        for at in range(len(self._rows) - 1, -1, -1):
            for total, _ in self._rows[at]:
                yield 2**at, total

    def _cut(self) -> Change | None:
        if self.length < 2 * LEAST_PART:
            return None
        variance = max(0.0, self._squares / self.length - self.mean**2)
        # Each of the cuts is a test of its own: the chance is shared among them.
        chance = math.log(2.0 * math.log(self.length) / self._delta)
        old, total = 0, 0.0
        found: Change | None = None
        most = 1.0  # how far a difference is beyond its bound
        for size, part in self._oldest_first():
            old += size
            total += part
            new = self.length - old
            if old < LEAST_PART:
                continue
            if new < LEAST_PART:
                break
            before, after = total / old, (self._sum - total) / new
            inverse = 1.0 / old + 1.0 / new
            bound = math.sqrt(2.0 * inverse * variance * chance) + 2.0 / 3.0 * inverse * chance
            if abs(before - after) > most * bound:
                most = abs(before - after) / bound
                found = Change(before, after, old, new)
        return found

    def _drop_oldest(self) -> None:
        row = self._rows[-1]
        total, squares = row.pop(0)
        self.length -= 2 ** (len(self._rows) - 1)
        self._sum -= total
        self._squares -= squares
        while len(self._rows) > 1 and not self._rows[-1]:
            self._rows.pop()
