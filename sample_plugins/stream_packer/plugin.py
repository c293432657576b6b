"""Packs a stream of items by the rule that does best on items like those it has seen."""

from __future__ import annotations

import random
from collections import deque
from typing import Any

from gaps import Gaps
from rules import RULES, Bins, Seen

from plugin_sdk import Abstained

FIRST_LOOK = 30  # items before rehearsals begin; until then the smallest item decides
SMALL = 0.12  # of a bin: where no item is smaller, gaps are what is lost
LOOK_AGAIN = 20  # items after which the weights of gaps are found anew
CLEAR_GAIN = 0.01  # of the bins: by so much must a rule be better than the expected one


class StreamPacker:
    """At each decision every rule packs a few more items of an imagined stream, drawn from the latest items.

    When the imagined stream ends, the rule with the fewest bins is followed from then on, and another one is drawn. So a
    change of the items changes the rule, after a rehearsal or two.
    """

    def __init__(self, memory_items: int = 500, rehearsal_items: int = 500, steps: int = 4) -> None:
        self.memory_items, self.rehearsal_items, self.steps = memory_items, rehearsal_items, steps
        self.begin(1)

    def begin(self, capacity: int) -> None:
        """A new stream."""
        self.capacity = capacity
        self.recent: deque[int] = deque(maxlen=self.memory_items)
        self.fills: dict[int, int] = {}
        self.rule = ""
        self.chance = random.Random(capacity)
        self.stage: dict[str, Bins] = {}
        self.left_to_play = self.seen = self.blur = self.packed = 0
        self.range = (1, capacity)
        self.gaps = Gaps(capacity)
        self.results: dict[str, float] = {}

    def score(self, task: dict[str, Any], candidates: list[dict[str, Any]]) -> list[float] | Abstained:
        """1 for the bin that the rule takes, 0 for the others."""
        if task.get("kind") != "item":
            return Abstained(reason="it packs items of a stream")
        size, capacity = task["size"], task["capacity"]
        if task["seen"] == 0 or capacity != self.capacity:
            self.begin(capacity)
        bins = self.seen_now(size, candidates)
        smallest = min(self.recent, default=size)
        if not self.results:
            self.rule = self.expected(smallest)
        chosen = RULES[self.rule](size, bins, capacity, Seen(smallest, self.gaps))
        self.recent.append(size)
        self.seen += 1
        self.follow(size, chosen, bins)
        if len(self.recent) >= FIRST_LOOK:
            if self.seen % LOOK_AGAIN == 0:
                self.gaps = Gaps(capacity, self.recent)
            for _ in range(self.steps):
                self.rehearse()
        return [
            1.0 if each["left"] == chosen and (each["bins"] or chosen == capacity) else 0.0
            for each in candidates
        ]

    def seen_now(self, size: int, candidates: list[dict[str, Any]]) -> dict[int, int]:
        """The open bins as they are, in the order in which their fills came up."""
        there = {each["left"]: each["bins"] for each in candidates if each["bins"]}
        # Bins without room for this item are not shown; they are as they were.
        now = {left: count for left, count in self.fills.items() if left in there or left < size}
        now.update(there)  # known ones keep their place
        self.fills = now
        return now

    def follow(self, size: int, left: int, bins: dict[int, int]) -> None:
        """What the bins will be when the item is placed."""
        if left in bins and left != self.capacity:
            bins[left] -= 1
            if not bins[left]:
                del bins[left]
        if left > size:
            bins[left - size] = bins.get(left - size, 0) + 1

    def rehearse(self) -> None:
        """One item of the imagined stream for every rule; at its end the best rule is taken."""
        if not self.left_to_play:
            if self.stage:
                self.judge()
            self.stage = {name: Bins(self.capacity) for name in RULES}
            self.packed = 0
            self.left_to_play = max(self.rehearsal_items, self.seen)
            self.range = min(self.recent), max(self.recent)
            # A few items are not all there are: what is drawn is blurred, the less the more are known.
            self.blur = self.capacity // len(self.recent)
        self.left_to_play -= 1
        smallest, largest = self.range
        seen = Seen(smallest, self.gaps)
        size = self.recent[self.chance.randrange(len(self.recent))] + self.chance.randint(
            -self.blur, self.blur
        )
        size = min(max(size, smallest), largest)
        self.packed += size
        for name, bins in self.stage.items():
            bins.put(size, RULES[name](size, bins.open, self.capacity, seen))

    def judge(self) -> None:
        """Bins over the least possible, averaged over rehearsals, the latest counting half."""
        least = self.packed / self.capacity
        for name, bins in self.stage.items():
            before = self.results.get(name, bins.used / least)
            self.results[name] = 0.5 * before + 0.5 * bins.used / least
        best = min(self.results, key=self.results.__getitem__)
        expected = self.expected(min(self.recent))
        clearly = self.results[best] < self.results[expected] * (1 - CLEAR_GAIN)
        self.rule = best if clearly else expected

    def expected(self, smallest: int) -> str:
        """The rule that is best as a rule: where no item is small, gaps are what is lost."""
        return "spread" if smallest > SMALL * self.capacity else "squares"
