"""Which rows are alike, so that a policy need look at one of each kind.

A cluster has thousands of nodes and few kinds: bought alike, and filled with the same pods. Rows are alike that have
the same CPU and the same GPUs left in the same places; memory is not looked at, since no ranking looks at it.
"""

from __future__ import annotations

import os
from functools import cache

import numpy as np
import numpy.typing as npt

from host.solvers.placement.nodes import Bools, Ints, NodeColumns

# 64 KiB of places: more would be mapped and unmapped each time, which costs as much as all the rest.
BUCKET_BITS = 14


def alike(nodes: NodeColumns, rows: Ints) -> tuple[npt.NDArray[np.int32], Bools]:
    """For each of *rows* the place in it of one that is alike, and which of them stand for others.

    Those that stand for others, or for themselves alone, have their own place.
    """
    key = _keys(nodes).take(rows)
    bucket = (key.view(np.uint64) >> np.uint64(64 - BUCKET_BITS)).view(np.int64)
    own = np.arange(rows.size, dtype=np.int32)
    # The last of a bucket stands for it.
    last = np.empty(1 << BUCKET_BITS, dtype=np.int32)
    last[bucket] = own
    place = last.take(bucket)
    # Others of the bucket that are of another kind stand for themselves.
    other = key.take(place) != key
    if other.any():
        place[other] = own[other]
    return place, place == own


def _keys(nodes: NodeColumns) -> Ints:
    """A number for each row, the same for rows that are alike.

    Two kinds have one number by a chance of 2**-64, with factors that nobody who sends nodes can know.
    """
    width = nodes.gpu_left.shape[1]
    factors = _factors(width + 3)
    key: Ints = nodes.cpu_left * factors[0]
    key += nodes.model * factors[1]
    key += nodes.gpu_count * factors[2]
    for gpu in range(width):
        key += nodes.gpu_left[:, gpu] * factors[3 + gpu]
    return key


@cache
def _factors(count: int) -> npt.NDArray[np.int64]:
    return np.frombuffer(os.urandom(8 * count), dtype=np.int64) | np.int64(1)
