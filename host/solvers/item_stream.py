"""Items that come one by one into bins of one size, each placed for good before the next is seen.

Sources: Best Fit: Johnson (1974); Sum of Squares: Csirik, Johnson, Kenyon, Orlin, Shor, Weber (2006), On the sum-of-squares
algorithm for bin packing, Journal of the ACM 53(1).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Which kind of bin takes `size`? Answered with how much is left in it before; the capacity means a new one.

    Attributes:
        open_bins: By how much is left in them, how many; never 0. Full ones are not among them.
    """

    size: int
    capacity: int
    open_bins: Mapping[int, int]


Choose = Callable[[Place], int]


def play_stream(items: Sequence[int], capacity: int) -> Generator[Place, int, list[int]]:
    """Asks where each item goes.

    Returns:
        Bins in use after each item.
    """
    bins: dict[int, int] = {}
    used = 0
    curve = []
    for size in items:
        left = yield Place(size, capacity, bins)
        if left == capacity and capacity not in bins:
            used += 1
        else:
            bins[left] -= 1
            if not bins[left]:
                del bins[left]
        if left > size:
            bins[left - size] = bins.get(left - size, 0) + 1
        curve.append(used)
    return curve


def best_fit(place: Place) -> int:
    """The fullest bin that has room, else a new one."""
    return min((left for left in place.open_bins if left >= place.size), default=place.capacity)


def sum_of_squares(place: Place) -> int:
    """The bin after which the numbers of bins of equal fill have the least sum of squares; of equals the fullest."""
    size, capacity, bins = place.size, place.capacity, place.open_bins

    def change(left: int) -> int:
        after = 2 * bins.get(left - size, 0) + 1 if left > size else 0
        before = 2 * bins[left] - 1 if left in bins else 0
        return after - before

    best, least = capacity, change(capacity)
    for left in sorted(bins, reverse=True):
        if left < size:
            break
        grown = change(left)
        if grown <= least:
            best, least = left, grown
    return best


CHOICES: Mapping[str, Choose] = {"best-fit": best_fit, "sum-of-squares": sum_of_squares}


def pack_stream(items: Sequence[int], capacity: int, choose: Choose) -> list[int]:
    """A whole stream: bins in use after each item."""
    play = play_stream(items, capacity)
    place = next(play)
    while True:
        try:
            place = play.send(choose(place))
        except StopIteration as finished:
            curve: list[int] = finished.value
            return curve


def lower_bound(items: Sequence[int], capacity: int) -> int:
    """Bins that the items fill at least: their sum over the capacity, rounded up."""
    return -(-sum(items) // capacity)
