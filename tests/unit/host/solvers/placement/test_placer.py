from __future__ import annotations

import random

import numpy as np
import pytest

from host.solvers.placement.alike import alike
from host.solvers.placement.fgd import Fgd
from host.solvers.placement.nodes import Node, NodeColumns
from host.solvers.placement.placer import MANY, NO_ROOM, Placer
from host.solvers.placement.policies import POLICIES
from host.solvers.placement.shapes import Shape, typical_of

Cluster = tuple[NodeColumns, list[Shape]]


@pytest.mark.parametrize("name", sorted(set(POLICIES) - {"random"}))
def test_what_is_remembered_is_what_ranking_afresh_would_say(cluster: Cluster, name: str) -> None:
    nodes, shapes = cluster
    policy = POLICIES[name](typical_of(shapes), 0)
    placer = Placer(nodes, shapes, policy)
    chance = random.Random(1)
    for _ in range(60):
        shape = chance.randrange(len(shapes))
        fresh = np.full(len(nodes), NO_ROOM)
        rows = np.flatnonzero(nodes.fits(shapes[shape], np.arange(len(nodes))))
        if rows.size:
            fresh[rows] = policy.rank(nodes, shapes[shape], rows)[0]
        assert placer.scores(shape).tolist() == fresh.tolist()
        spot = placer.place(shape)
        assert (spot is None) == (not rows.size)
        if spot is not None:
            assert spot.row == fresh.argmax()


@pytest.mark.parametrize("name", [*sorted(set(POLICIES) - {"random"}), "fgd, not compiled"])
def test_the_first_look_at_many_nodes_sees_what_looking_at_each_would(
    large_cluster: Cluster, name: str
) -> None:
    nodes, shapes = large_cluster
    assert len(nodes) >= 2 * MANY
    typical = typical_of(shapes)
    policy = Fgd(typical, compiled=False) if "," in name else POLICIES[name](typical, 0)
    for number, shape in enumerate(shapes):
        placer = Placer(nodes, shapes, policy)
        rows = np.flatnonzero(nodes.fits(shape, np.arange(len(nodes))))
        fresh = np.full(len(nodes), NO_ROOM)
        gpu = np.full(len(nodes), -1)
        if rows.size:
            fresh[rows], gpu[rows] = policy.rank(nodes, shape, rows)
        assert placer.scores(number).tolist() == fresh.tolist()
        spot = placer.place(number)
        assert (spot is None) == (not rows.size)
        if spot is not None and gpu[spot.row] >= 0:
            assert spot.gpus == (gpu[spot.row],)


def test_rows_that_stand_for_others_are_alike_and_every_row_has_one(large_cluster: Cluster) -> None:
    nodes, _ = large_cluster
    rows = np.arange(1, len(nodes), 2)
    place, stands = alike(nodes, rows)
    assert stands[place].all() and stands.sum() < rows.size / 4
    for row, other in zip(rows, rows[place], strict=True):
        assert nodes.cpu_left[row] == nodes.cpu_left[other] and nodes.model[row] == nodes.model[other]
        assert nodes.gpu_left[row].tolist() == nodes.gpu_left[other].tolist()
        assert nodes.gpu_count[row] == nodes.gpu_count[other]


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_no_node_is_ever_given_more_than_it_has(cluster: Cluster, name: str) -> None:
    nodes, shapes = cluster
    placer = Placer(nodes, shapes, POLICIES[name](typical_of(shapes), 3))
    chance = random.Random(2)
    for _ in range(200):
        shape = chance.randrange(len(shapes))
        spot = placer.place(shape)
        if spot is not None:
            assert len(set(spot.gpus)) == len(spot.gpus) == shapes[shape].gpus
    assert min(nodes.cpu_left.min(), nodes.memory_left.min(), nodes.gpu_left.min()) >= 0


def test_a_random_choice_repeats_with_its_seed() -> None:
    def run(seed: int) -> list[int]:
        nodes = NodeColumns(Node(f"n{i}", 9000, 9, (1000,)) for i in range(50))
        placer = Placer(nodes, [Shape(100, 0, 1, 100)], POLICIES["random"]([], seed))
        spots = [placer.place(0) for _ in range(20)]
        return [spot.row for spot in spots if spot is not None]

    assert run(1) == run(1) != run(2)


def test_on_no_nodes_nothing_fits() -> None:
    assert Placer(NodeColumns([]), [Shape(1)], POLICIES["best-fit"]([], 0)).choose(0) is None
