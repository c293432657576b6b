from __future__ import annotations

import numpy as np

from host.solvers.placement.nodes import Node, NodeColumns
from host.solvers.placement.shapes import Shape

Cluster = tuple[NodeColumns, list[Shape]]


def test_rows_stand_in_the_order_of_their_names() -> None:
    nodes = NodeColumns([Node("b", 2, 2), Node("a", 1, 1)])
    assert nodes.names == ["a", "b"]
    assert nodes.cpu_left.tolist() == [1, 2]


def test_a_pod_fits_where_cpu_memory_model_and_enough_gpus_do(cluster: Cluster) -> None:
    nodes, shapes = cluster
    rows = np.arange(len(nodes))
    for shape in shapes:
        expected = [
            nodes.cpu_left[row] >= shape.cpu_milli
            and nodes.memory_left[row] >= shape.memory
            and (
                shape.gpus == 0
                or (
                    (not shape.models or nodes.models[nodes.model[row]] in shape.models)
                    and sum(int(left) >= shape.gpu_milli for left in nodes.gpu_left[row]) >= shape.gpus
                )
            )
            for row in rows
        ]
        assert nodes.fits(shape, rows).tolist() == expected


def test_what_is_given_back_is_as_if_it_had_never_been_taken() -> None:
    nodes = NodeColumns([Node("a", 8000, 64, (1000, 400))])
    before = nodes.copy()
    shape = Shape(1000, 8, 1, 300)
    nodes.take(shape, 0, (1,))
    assert nodes.gpu_left[0].tolist() == [1000, 100]
    assert nodes.version[0] == 1
    nodes.give_back(shape, 0, (1,))
    assert nodes.gpu_left.tolist() == before.gpu_left.tolist()
    assert nodes.cpu_left.tolist() == before.cpu_left.tolist()


def test_the_tightest_gpus_are_those_with_the_least_that_is_enough() -> None:
    nodes = NodeColumns([Node("a", 8000, 64, (1000, 400, 100, 400))])
    assert nodes.tightest_gpus(Shape(0, 0, 1, 200), 0) == (1,)
    assert nodes.tightest_gpus(Shape(0, 0, 2, 300), 0) == (1, 3)


def test_there_can_be_no_nodes() -> None:
    assert len(NodeColumns([])) == 0
