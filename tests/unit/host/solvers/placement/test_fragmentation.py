from __future__ import annotations

import pytest

from host.solvers.placement.fragmentation import TypicalColumns, fragmentation, total_fragmentation
from host.solvers.placement.nodes import Node, NodeColumns
from host.solvers.placement.shapes import Shape, TypicalPod, typical_of

Cluster = tuple[NodeColumns, list[Shape]]


def plain_fragmentation(nodes: NodeColumns, row: int, typical: list[TypicalPod]) -> float:
    """The definition, word by word."""
    left = [int(each) for each in nodes.gpu_left[row]]
    whole = 0.0
    for each in typical:
        pod = each.shape
        fits = (
            pod.gpus > 0
            and nodes.cpu_left[row] >= pod.cpu_milli
            and (not pod.models or nodes.models[nodes.model[row]] in pod.models)
            and sum(gpu >= pod.gpu_milli for gpu in left) >= pod.gpus
        )
        whole += each.share * sum(gpu for gpu in left if not fits or gpu < pod.gpu_milli)
    return whole


def test_the_measure_of_many_nodes_is_the_definition_on_each(cluster: Cluster) -> None:
    nodes, shapes = cluster
    typical = typical_of(shapes * 3)
    columns = TypicalColumns.of(typical, nodes)
    found = fragmentation(columns, nodes.cpu_left, nodes.gpu_left, nodes.model)
    assert found == pytest.approx([plain_fragmentation(nodes, row, typical) for row in range(len(nodes))])
    assert total_fragmentation(typical, nodes) == pytest.approx(found.sum())


def test_a_remainder_that_everybody_can_use_is_no_fragment() -> None:
    nodes = NodeColumns([Node("a", 8000, 64, (1000, 300))])
    assert total_fragmentation([TypicalPod(Shape(1000, 0, 1, 300), 1.0)], nodes) == 0
    assert total_fragmentation([TypicalPod(Shape(1000, 0, 1, 301), 1.0)], nodes) == 300
    assert total_fragmentation([TypicalPod(Shape(9000, 0, 1, 300), 1.0)], nodes) == 1300
    assert total_fragmentation([TypicalPod(Shape(1000), 1.0)], nodes) == 1300
