"""Three ways to choose a bin for an item, each a function of the bins by how much is left in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gaps import Gaps


@dataclass(frozen=True)
class Seen:
    """What is known of the items: the smallest of the latest, and how gaps are shunned for it."""

    smallest: int
    gaps: Gaps


Rule = Callable[[int, Mapping[int, int], int, Seen], int]


def best_fit(size: int, bins: Mapping[int, int], capacity: int, seen: Seen) -> int:
    """The fullest bin that has room, else a new one."""
    return min((left for left in bins if left >= size), default=capacity)


def squares(size: int, bins: Mapping[int, int], capacity: int, seen: Seen) -> int:
    """Keeps bins of every fill about as many as the items to come will want: a weighted sum of squares.

    n bins with one gap cost n (n + 1) times its weight, and the placement that adds least is taken; of equals the fullest.
    """
    gaps = seen.gaps

    def cost(left: int, here: int) -> float:
        rest = left - size
        after = gaps[rest] * (bins.get(rest, 0) + 1) if rest else 0.0
        return after - gaps[left] * here

    best, least = capacity, cost(capacity, 0)
    for left, here in sorted(bins.items(), reverse=True):
        if left < size:
            break
        if (found := cost(left, here)) <= least:
            best, least = left, found
    return best


def spread(size: int, bins: Mapping[int, int], capacity: int, seen: Seen) -> int:
    """Fills a bin nearly, or leaves room for one more item where few bins have as much; opens one sooner than leave a gap.

    A gap is what is left and smaller than the smallest item; up to a fifth of that is thought of as full.
    """
    full, gap = seen.smallest // 5, seen.smallest + seen.smallest // 10
    best, most = capacity, -1.0
    for left in (*bins, capacity):
        rest = left - size
        if rest < 0:
            continue
        if rest <= full:
            worth = 4000.0 - rest
        elif rest >= gap:
            worth = 900.0 - 10 * bins.get(rest, 0) - (left == capacity)
        else:
            worth = 80.0 * (rest - full) / (gap - full)
        if worth > most:
            best, most = left, worth
    return best


RULES: Mapping[str, Rule] = {"best-fit": best_fit, "squares": squares, "spread": spread}


class Bins:
    """Open bins of one stream, by how much is left in them, in the order in which those fills came up."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.open: dict[int, int] = {}
        self.used = 0

    def put(self, size: int, left: int) -> None:
        """An item goes into a bin that has *left*; the capacity means a new one."""
        if left == self.capacity and left not in self.open:
            self.used += 1
        else:
            self.open[left] -= 1
            if not self.open[left]:
                del self.open[left]
        if left > size:
            self.open[left - size] = self.open.get(left - size, 0) + 1
