"""Points that fill the unit cube evenly: the Halton sequence, its digits scrambled.

Source: Halton (1960), On the efficiency of certain quasi-random sequences of points; Braaten and Weller
(1979), An improved low-discrepancy sequence for multidimensional quasi-Monte Carlo integration (permuted
digits, without which dimensions of large bases march in step).
"""

from __future__ import annotations

import random
from itertools import count


class ScrambledHalton:
    """The sequence in some dimensions, always the same for the same seed.

    Args:
        dimensions: >= 0.
        seed: Chooses the permutation of the digits in each dimension.
    """

    def __init__(self, dimensions: int, seed: int) -> None:
        rng = random.Random(seed)
        self._bases = _primes(dimensions)
        self._digits: list[list[int]] = []
        for base in self._bases:
            # 0 stays 0, so that the endless zeros in front of an index stay zeros.
            rest = list(range(1, base))
            rng.shuffle(rest)
            self._digits.append([0, *rest])
        self._shift = [rng.random() for _ in self._bases]

    def point(self, index: int) -> list[float]:
        """The point at *index* >= 0: a number in [0, 1) a dimension."""
        return [
            (_inverse(index, base, digits) + shift) % 1.0
            for base, digits, shift in zip(self._bases, self._digits, self._shift, strict=True)
        ]


def _inverse(index: int, base: int, digits: list[int]) -> float:
    """The digits of *index*, permuted and mirrored at the point: in [0, 1)."""
    result, weight = 0.0, 1.0
    while index:
        index, digit = divmod(index, base)
        weight /= base
        result += digits[digit] * weight
    return result


def _primes(count_: int) -> list[int]:
    found: list[int] = []
    for number in count(2):
        if len(found) == count_:
            break
        if all(number % prime for prime in found if prime * prime <= number):
            found.append(number)
    return found
