"""Makes model.json anew: `python train.py OPENB`, from a checkout of engine-ops with its data (see the README).

Theory of operation. Lists of pods are played, in orders that no published run has. Nodes are noted as they look on the way:
each that a pod was just placed on, and others at random, since a node that waits for a large pod is seldom placed on.
The network is fitted from that to the GPUs left on the node later. The first round is played under fragmentation gradient
descent with prices for models, the next under what the first has learned; the last fit is to what was seen in all of them.
Not part of the plugin; it is never imported by it.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
from cost import Cost, Value
from demand import Array, Kind
from features import GPUS, MODELS, Nodes, node_features
from fit import Weights, fit

from host.solvers.placement.nodes import Ints, Node, NodeColumns
from host.solvers.placement.placer import NO_ROOM, Placer
from host.solvers.placement.shapes import WHOLE_MILLI, Shape, table_of
from host.traces.openb import ARRIVALS, Openb, OpenbPod, drawn_order, load_openb

LISTS = ("default", "gpuspec33", "cpu200", "multigpu30", "multigpu50", "gpushare60")  # six of seventeen
ROUNDS, GAMES = 2, 16  # a round is each list once, then lists like them
FIRST_SEED = 5000  # far from the published 42 to 51
LEARNED, SPARE, STEP = 0.8, 0.4, 0.04  # of `Cost`, while playing
AT_100, AT_END = 0.7, 0.3  # how what is left when pods for all GPUs have come, and at the end, are weighed
STRAY, STRAY_NOISE = (
    0.05,
    0.15,
)  # every second game: how often a pod goes elsewhere, and how far, in GPUs of score
BYSTANDERS = 0.5  # nodes that are noted at random, a pod
RESOLUTION = 1e6  # of scores as the integers that a `Placer` compares
SCORE_ZERO = 10**9  # keeps them above NO_ROOM
CHUNK = 512  # looks whose features are made at once


class Costed:
    """`Cost` as a policy of the host's placer."""

    name = "node-value"

    def __init__(self, cost: Cost, nodes: NodeColumns) -> None:
        self.cost = cost
        self.model = np.array([MODELS.index(name) for name in nodes.models])
        self._lost = np.zeros(len(nodes))
        self._version = np.full(len(nodes), -1)

    def rank(self, nodes: NodeColumns, shape: Shape, rows: Ints) -> tuple[Ints, Ints]:
        """See `Policy.rank`."""
        old = np.flatnonzero(self._version != nodes.version)
        if old.size:
            self._lost[old] = self.cost.lost(self.seen(nodes, old))
            self._version[old] = nodes.version[old]
        left = nodes.gpu_left[rows]
        room = left >= max(shape.gpu_milli, 1)
        if shape.is_share:  # each GPU that has room, the first of those that have the same left
            again = (left[:, :, None] == left[:, None, :]) & np.tri(left.shape[1], k=-1, dtype=bool)
            which, gpu = np.nonzero(room & ~again.any(2))
            taken = np.eye(left.shape[1], dtype=np.int64)[gpu] * shape.gpu_milli
        else:
            which, gpu = np.arange(len(rows)), np.full(len(rows), -1)
            taken = (room & (room.cumsum(1) <= shape.gpus)) * shape.gpu_milli
        spots = rows[which]
        after = self.seen(nodes, spots).after(shape.cpu_milli, shape.memory, _wide(taken))
        grown = self.cost.lost(after) - self._lost[spots]
        scores = self.cost.scores(grown, self.model[nodes.model[spots]], taken)
        table: Ints = np.full(left.shape, NO_ROOM)
        table[which, gpu] = SCORE_ZERO + (scores * RESOLUTION).round().astype(np.int64)
        best_gpu = table.argmax(1)
        return table.max(1), best_gpu if shape.is_share else np.full(len(rows), -1)

    def seen(self, nodes: NodeColumns, rows: Ints) -> Nodes:
        """These rows as the plugin sees them."""
        return Nodes(
            nodes.cpu_left[rows], nodes.memory_left[rows], _wide(nodes.gpu_left[rows]),
            nodes.gpu_count[rows], self.model[nodes.model[rows]],
        )  # fmt: skip


def _wide(gpus: Ints) -> Ints:
    missing = GPUS - gpus.shape[1]
    return np.pad(gpus, ((0, 0), (0, missing))) if missing else gpus


@dataclass(frozen=True)
class Game:
    """One run that is learned from."""

    data: Openb
    seed: int
    list: str
    as_it_is: bool
    weights: Weights | None
    strays: bool


def play(game: Game) -> tuple[Array, Array]:
    """Features of nodes on the way, and the GPUs left on them later."""
    pods, chance = game.data.pods[game.list], np.random.default_rng(game.seed)
    if game.as_it_is:
        order = drawn_order(pods, game.data.gpus, game.seed)
        kinds = Counter(_kind(pod) for pod in pods)
    else:
        order = _reweighed(pods, game.data.gpus, chance)
        kinds = Counter(_kind(pods[row]) for row in order)
    nodes = NodeColumns(
        Node(each.name, each.cpu_milli, each.memory_mib, (WHOLE_MILLI,) * each.gpus, each.model)
        for each in game.data.nodes
    )
    value = None if game.weights is None else Value(game.weights)
    cost = Cost(value, LEARNED, SPARE, STEP, capacity_of(game.data))
    cost.look(kinds, kinds)
    policy = Costed(cost, nodes)
    table = table_of(
        Shape(pod.cpu_milli, pod.memory_mib, pod.gpus, pod.gpu_milli, frozenset(pod.models)) for pod in pods
    )
    placer = Placer(nodes, table.shapes, policy)
    looks: list[Nodes] = []
    rows: list[int] = []
    at_100, early, arrived, all_milli = None, 0, 0, game.data.gpus * WHOLE_MILLI

    def note(row: int) -> None:
        rows.append(row)
        looks.append(policy.seen(nodes, np.array([row])))

    for pod in order:
        shape = table.of_pod[pod]
        arrived += table.shapes[shape].total_milli
        scores = placer.scores(shape)
        if game.strays and chance.random() < STRAY:
            scores = scores + np.where(
                scores == NO_ROOM, 0, chance.random(len(scores)) * STRAY_NOISE * RESOLUTION
            )
        row = int(scores.argmax())
        if scores[row] != NO_ROOM:
            placer.put(shape, placer.spot(shape, row))
            note(row)
        if chance.random() < BYSTANDERS:
            note(int(chance.integers(len(nodes))))
        if at_100 is None and arrived >= all_milli:
            at_100, early = nodes.gpu_left.sum(1) / 1000.0, len(rows)
    later = nodes.gpu_left.sum(1)[rows] / 1000.0
    if at_100 is not None:
        later[:early] = AT_END * later[:early] + AT_100 * at_100[rows[:early]]
    features = [
        node_features(_together(looks[at : at + CHUNK]), cost.demand, cost.pressure)[0]
        for at in range(0, len(looks), CHUNK)
    ]
    return np.concatenate(features).astype(np.float32), later.astype(np.float32)


def _together(looks: list[Nodes]) -> Nodes:
    columns = zip(*(astuple(each) for each in looks), strict=True)
    return Nodes(*(np.concatenate(column) for column in columns))


def _kind(pod: OpenbPod) -> Kind:
    return pod.cpu_milli, pod.gpus, pod.gpu_milli, tuple(sorted(pod.models))


def _reweighed(pods: list[OpenbPod], gpus: int, chance: np.random.Generator) -> list[int]:
    """An order of a list like this one: its kinds of pods, and whole groups of them, are more or less common."""
    kinds = {kind: at for at, kind in enumerate(dict.fromkeys((_kind(pod), pod.memory_mib) for pod in pods))}
    of_kind = np.exp(0.4 * chance.normal(size=len(kinds)))
    weights = np.array([of_kind[kinds[_kind(pod), pod.memory_mib]] for pod in pods])
    count, milli = np.array([pod.gpus for pod in pods]), np.array([pod.gpu_milli for pod in pods])
    picky = np.array([bool(pod.models) for pod in pods])
    for group in (count == 0, (count == 1) & (milli < WHOLE_MILLI), count > 1, picky):
        weights[group] *= np.exp(0.5 * chance.normal())
    weights /= weights.sum()
    pods_needed = int(ARRIVALS * gpus * WHOLE_MILLI / (weights * count * milli).sum())
    return [int(row) for row in chance.choice(len(pods), size=min(pods_needed, 30_000), p=weights)]


def capacity_of(data: Openb) -> Array:
    """GPUs of each of MODELS."""
    return np.array([sum(node.gpus for node in data.nodes if node.model == name) for name in MODELS], float)


def main() -> None:
    data = load_openb(Path(sys.argv[1]))
    weights: Weights | None = None
    seen: list[tuple[Array, Array]] = []
    with ProcessPoolExecutor() as processes:
        for turn in range(ROUNDS):
            games = []
            for at in range(GAMES):
                seed = FIRST_SEED + 100 * turn + at
                name = LISTS[at if at < len(LISTS) else np.random.default_rng(seed).integers(len(LISTS))]
                games.append(Game(data, seed, name, at < len(LISTS), weights, at % 2 == 1))
            seen += processes.map(play, games)
            weights = fit(np.concatenate([x for x, _ in seen]), np.concatenate([y for _, y in seen]))
            print(f"round {turn + 1}: {sum(len(y) for _, y in seen):,} looks at nodes", file=sys.stderr)
    assert weights is not None
    kept = {name: np.round(value, 7).tolist() for name, value in weights.items()}
    common = Counter(_kind(pod) for pod in data.pods["default"])
    total = sum(common.values())
    prior = [
        [*kind[:3], list(kind[3]), round(200 * count / total, 4)] for kind, count in common.most_common()
    ]
    capacity = dict(zip(MODELS, capacity_of(data).tolist(), strict=True))
    text = json.dumps({**kept, "prior": prior, "capacity": capacity}, separators=(",", ":"))
    (Path(__file__).parent / "model.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
