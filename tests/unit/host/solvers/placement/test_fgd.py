from __future__ import annotations

import numpy as np
import pytest

from host.solvers.placement import fgd
from host.solvers.placement.fgd import Fgd, score_of
from host.solvers.placement.fragmentation import total_fragmentation
from host.solvers.placement.nodes import NodeColumns
from host.solvers.placement.shapes import Shape, typical_of

Cluster = tuple[NodeColumns, list[Shape]]


def test_a_gain_of_nothing_scores_50_and_more_fragments_score_less() -> None:
    assert score_of(0) == 50
    assert 0 <= score_of(-10_000) < score_of(-500) < 50 < score_of(500) <= 100


def test_each_score_is_that_of_the_gain_that_placing_there_brings(cluster: Cluster) -> None:
    nodes, shapes = cluster
    typical = typical_of(shapes * 2)
    before = total_fragmentation(typical, nodes)
    for shape in shapes:
        rows = np.flatnonzero(nodes.fits(shape, np.arange(len(nodes))))
        if not rows.size:
            continue
        scores, gpus = Fgd(typical, compiled=False).rank(nodes, shape, rows)
        for row, score, gpu in zip(rows, scores, gpus, strict=True):
            after = nodes.copy()
            after.take(shape, row, (int(gpu),) if gpu >= 0 else nodes.tightest_gpus(shape, row))
            assert score == score_of(before - total_fragmentation(typical, after))


@pytest.mark.skipif(fgd._compiled() is None, reason="NUMBA IS MISSING: pip install 'engine-ops[fast]'")
def test_the_compiled_form_ranks_as_the_vectorised_one_does(cluster: Cluster) -> None:
    nodes, shapes = cluster
    typical = typical_of(shapes * 2)
    for shape in shapes:
        rows = np.flatnonzero(nodes.fits(shape, np.arange(len(nodes))))
        if not rows.size:
            continue
        slow, fast = Fgd(typical, compiled=False), Fgd(typical)
        for one, other in zip(slow.rank(nodes, shape, rows), fast.rank(nodes, shape, rows), strict=True):
            assert one.tolist() == other.tolist()
