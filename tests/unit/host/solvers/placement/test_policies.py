from __future__ import annotations

import numpy as np
import pytest

from host.solvers.placement.nodes import Node, NodeColumns
from host.solvers.placement.policies import GpuClustering, GpuPacking, Policy
from host.solvers.placement.shapes import Shape

SHARE = Shape(1000, 0, 1, 400)
ONE = Shape(1000, 0, 1, 1000)
TWO = Shape(1000, 0, 2, 1000)
NO_GPU = Shape(1000)


def node(name: str, *left: int) -> Node:
    return Node(name, 64_000, 0, left)


def ranks(policy: Policy, nodes: NodeColumns, shape: Shape) -> list[int]:
    scores, _ = policy.rank(nodes, shape, np.arange(len(nodes)))
    return [int(each) for each in scores]


@pytest.mark.parametrize(
    ("shape", "left", "score"),
    [
        (SHARE, (500, 1000), 95),  # 50 percent are left on the GPU that it takes
        (SHARE, (1000, 400), 96),  # the tightest is taken
        (SHARE, (300, 1000), 49),  # an idle GPU of a node in use
        (TWO, (1000, 1000, 0), 48),  # two of them
        (SHARE, (1000, 1000), 31),  # an idle node, the smaller the better
        (SHARE, (1000,) * 8, 25),
    ],
)
def test_packing_likes_full_gpus_then_nodes_in_use_then_small_idle_nodes(
    shape: Shape, left: tuple[int, ...], score: int
) -> None:
    """Source: the published simulator's rule, in its own three tiers."""
    assert ranks(GpuPacking(), NodeColumns([node("a", *left)]), shape) == [score]


def test_clustering_goes_by_the_kinds_of_pods_that_are_there() -> None:
    nodes = NodeColumns([node(name, *[1000] * 8) for name in ("alone", "empty", "mixed", "other")])
    nodes.take(SHARE, 0, (0,))
    nodes.take(SHARE, 2, (0,))
    nodes.take(TWO, 2, (1, 2))
    nodes.take(ONE, 3, (0,))
    # 25 points are for how full it is: 400, 0, 2,400 and 1,000 of 8,000 milli are in use.
    assert ranks(GpuClustering(), nodes, SHARE) == [76, 25, 57, 3]
    assert ranks(GpuClustering(), nodes, TWO) == [1, 25, 57, 3]
    assert ranks(GpuClustering(), nodes, ONE) == [1, 25, 7, 78]


def test_a_kind_is_gone_from_a_node_when_its_last_pod_is() -> None:
    nodes = NodeColumns([node("a", 1000, 1000)])
    nodes.take(SHARE, 0, (0,))
    nodes.take(SHARE, 0, (0,))
    nodes.give_back(SHARE, 0, (0,))
    assert ranks(GpuClustering(), nodes, SHARE)[0] >= 75
    nodes.give_back(SHARE, 0, (0,))
    assert ranks(GpuClustering(), nodes, SHARE) == [25 + 25 * 6000 // 8000]


@pytest.mark.parametrize("policy", [GpuPacking(), GpuClustering()])
def test_pods_without_gpus_are_all_one_to_it(policy: Policy) -> None:
    assert ranks(policy, NodeColumns([node("a", 1000), node("b", 200, 1000)]), NO_GPU) == [0, 0]
