"""How much each gap in a bin is to be shunned, learned from the sizes of items."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

CELLS = 200  # gaps are told apart to so many parts of a bin; with fewer sizes than that, all are
BLUR = 20  # a size that came counts a little for those within one part in so many of a bin around it
FLOOR = 0.2  # chance, spread over all gaps, that something fills one although nothing like it has come


class Gaps:
    """The weight of a gap is one over the chance that the next item, two or three of them fill it; 1 on average."""

    def __init__(self, capacity: int, sizes: Sequence[int] = ()) -> None:
        self.capacity = capacity
        self.cells = min(capacity, CELLS)
        self.weight = [1.0] * (self.cells + 1)
        if sizes:
            self.weight = self._weights(np.asarray(sizes))

    def __getitem__(self, gap: int) -> float:
        return self.weight[self._cell(gap)]

    def _cell(self, gap: int) -> int:
        return gap if self.cells == self.capacity else -(-gap * self.cells // self.capacity)

    def _weights(self, sizes: np.ndarray) -> list[float]:
        cells = self.cells
        at = sizes if cells == self.capacity else -(-sizes * cells // self.capacity)
        reach = cells // BLUR
        kernel = reach + 1.0 - np.abs(np.arange(-reach, reach + 1))
        counts = np.bincount(at, minlength=cells + 1)[1:].astype(float)
        # What is blurred beyond the smallest and the largest size is given back to those at the edge.
        smooth = np.convolve(counts, kernel, "same") / np.convolve(np.ones(cells), kernel, "same")
        one = np.concatenate([[0.0], smooth / len(sizes)])
        two = np.convolve(one, one)[: cells + 1]
        three = np.convolve(two, one)[: cells + 1]
        weight = 1 / (one + two + three + FLOOR / cells)
        weight /= weight[1:].mean()
        found: list[float] = weight.tolist()
        return found
