from __future__ import annotations

import random

import pytest

from host.solvers.placement.nodes import Node, NodeColumns
from host.solvers.placement.shapes import Shape

MODELS = ("A10", "T4", "V100")


def some_nodes(chance: random.Random, count: int = 24) -> NodeColumns:
    """Nodes of several models, partly used."""
    rows = []
    for number in range(count):
        gpus = chance.choice([0, 1, 2, 4, 8])
        left = tuple(chance.choice([0, 120, 350, 500, 770, 1000, 1000]) for _ in range(gpus))
        model = chance.choice(MODELS) if gpus else ""
        rows.append(
            Node(f"n{number:02}", chance.randrange(0, 96_000, 500), chance.randrange(256), left, model)
        )
    chance.shuffle(rows)
    return NodeColumns(rows)


def some_shapes(chance: random.Random, count: int = 12) -> list[Shape]:
    """Pods without GPUs, with a share, and with whole ones."""
    shapes = []
    for _ in range(count):
        gpus = chance.choice([0, 1, 1, 1, 2, 4])
        milli = 0 if not gpus else 1000 if gpus > 1 else chance.choice([50, 120, 333, 500, 800, 1000])
        models = frozenset(chance.sample(MODELS, 2)) if gpus and chance.random() < 0.3 else frozenset()
        shapes.append(Shape(chance.randrange(0, 32_000, 500), chance.randrange(64), gpus, milli, models))
    return shapes


@pytest.fixture(params=range(5))
def cluster(request: pytest.FixtureRequest) -> tuple[NodeColumns, list[Shape]]:
    chance = random.Random(request.param)
    return some_nodes(chance), some_shapes(chance)


@pytest.fixture
def large_cluster() -> tuple[NodeColumns, list[Shape]]:
    """Some hundred nodes of few kinds, which differ in the memory that is left."""
    chance = random.Random(5)
    kinds = some_nodes(chance, 24)
    rows = [chance.randrange(24) for _ in range(600)]
    nodes = [
        Node(
            f"n{number:03}",
            int(kinds.cpu_left[row]),
            chance.randrange(64),
            tuple(int(each) for each in kinds.gpu_left[row, : kinds.gpu_count[row]]),
            kinds.models[kinds.model[row]],
        )
        for number, row in enumerate(rows)
    ]
    return NodeColumns(nodes), some_shapes(chance, 20)
