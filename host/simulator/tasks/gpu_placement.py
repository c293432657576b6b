"""Pods that arrive one by one onto a cluster of GPU nodes: how much of its GPUs is allocated in the end.

A plugin scores spots for a pod: a node as it is, with the GPUs that the pod would use. Nodes that are alike are one
candidate, named after the first, and a score is remembered until the node changes or the plugin learns; so a decision asks
about a few candidates, not about all nodes. The highest goes first, of equals the first by name, as in the published runs.

Source: Weng et al. (2023), Beware of Fragmentation, USENIX ATC; the protocol is that of its published runs.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np

from host.simulator.guard import Guard
from host.simulator.play import Advice, Ask, Case, Metric, Options, Play, Played, Reply, chosen, encode_score
from host.solvers.placement.nodes import Node, NodeColumns
from host.solvers.placement.placer import Placer, Spot
from host.solvers.placement.policies import POLICIES
from host.solvers.placement.shapes import WHOLE_MILLI, Shape, ShapeTable, TypicalPod, table_of, typical_of
from host.traces.openb import Openb, OpenbPod

SEEDS = (42, 43, 44, 45, 46, 47, 48, 49, 50, 51)  # of the published runs
# Pods after which remembered scores are forgotten: a plugin that learns on the way means something else by them, at first soon.
FORGET_AT = (50, 100, 200, 350)
FORGET_EVERY = 500
DRAWN = "{count} orders of arrival are drawn from the seed, not the published ones: results are near those published, not equal"
CUT = "--limit {count}: where so many pods ask for less than 100 % or 130 % of the GPUs, what is allocated in the end stands for it"
BUILTIN = "fgd"  # decides where a plugin does not
# What a plugin may lose in a chance beside the guard's shadow, of the cluster's GPUs. One pod can want eight of them, and whoever
# drops it leaves room for others that come later, so a loss of a few pods says nothing yet.
SLACK_PART = 0.01


@dataclass(frozen=True)
class _List:
    """One list of pods, ready to be placed."""

    table: ShapeTable
    typical: list[TypicalPod]


class GpuPlacementTask:
    """See the module."""

    metric = Metric("allocated at 100 %", "%", higher_is_better=True)
    builtins: Sequence[str] = tuple(POLICIES)

    def __init__(self, data: Openb, options: Options) -> None:
        self._data, self._options = data, options
        self._names = chosen(list(data.pods), options.lists, "list of pods")
        drawn = [case.key for case in self.cases() if case.key not in data.orders]
        self.notes = [DRAWN.format(count=len(drawn))] if drawn else []
        if options.limit is not None:
            self.notes.append(CUT.format(count=options.limit))
        self._lists: dict[str, _List] = {}
        self._nodes = NodeColumns(
            Node(each.name, each.cpu_milli, each.memory_mib, (WHOLE_MILLI,) * each.gpus, each.model)
            for each in data.nodes
        )
        warm_up()

    def cases(self) -> list[Case]:
        """See `Task.cases`."""
        seeds = self._options.seeds or SEEDS
        return [Case(f"{name}/{seed}", name, seed) for name in self._names for seed in seeds]

    def play(self, case: Case, advice: Advice) -> Play:
        """See `Task.play`."""
        pods = self._list(case.group)
        order = self._data.order(case.group, case.seed or 0)[: self._options.limit]
        account = _Account(self._data.gpus)
        fallbacks = 0
        builtin = POLICIES[advice.builtin or BUILTIN](pods.typical, case.seed or 0)
        if advice.builtin is not None:
            placer = Placer(self._nodes.copy(), pods.table.shapes, builtin)
            for row in order:
                shape = pods.table.of_pod[row]
                account.add(pods.table.shapes[shape], placer.place(shape) is not None)
        else:
            advised = _AdvisedPlacer(self._nodes.copy(), pods.table.shapes)
            # The built-in stands by on the same nodes; the guard's shadow has nodes of its own.
            placer = Placer(advised.nodes, pods.table.shapes, builtin)
            shadow = Placer(
                self._nodes.copy(), pods.table.shapes, POLICIES[BUILTIN](pods.typical, case.seed or 0)
            )
            guard, dropped = Guard(self._options.tolerance, cool_down=20), [0.0, 0.0]
            slack = SLACK_PART * self._data.gpus * WHOLE_MILLI
            for row in order:
                shape = pods.table.of_pod[row]
                demand = pods.table.shapes[shape]
                spot: Spot | None = None
                if not self._options.guard or guard.follows(dropped[0], dropped[1], slack):
                    spot = yield from advised.choose(shape)
                if spot is None:
                    spot = placer.choose(shape)
                    fallbacks += spot is not None
                if spot is not None:
                    placer.put(shape, spot)
                account.add(demand, spot is not None)
                if self._options.guard:
                    dropped[0] += demand.total_milli if spot is None else 0
                    dropped[1] += demand.total_milli if shadow.place(shape) is None else 0
        return account.played(len(order), fallbacks)

    def _list(self, name: str) -> _List:
        found = self._lists.get(name)
        if found is None:
            shapes = [_shape(pod) for pod in self._data.pods[name]]
            found = self._lists[name] = _List(table_of(shapes), typical_of(shapes))
        return found


def warm_up() -> None:
    """Compiles the measure, or loads what was compiled before, so that no case is charged for it."""
    shape = Shape(1, 1, 1, WHOLE_MILLI, frozenset())
    nodes = NodeColumns([Node("", 1, 1, (WHOLE_MILLI,), "")])
    Placer(nodes, [shape], POLICIES[BUILTIN](typical_of([shape]), 0)).choose(0)


def _shape(pod: OpenbPod) -> Shape:
    return Shape(pod.cpu_milli, pod.memory_mib, pod.gpus, pod.gpu_milli, frozenset(pod.models))


class _AdvisedPlacer:
    """Places by the scores of a plugin."""

    def __init__(self, nodes: NodeColumns, shapes: Sequence[Shape]) -> None:
        self.nodes = nodes
        self._shapes = shapes
        self._asked = 0
        self._score: dict[int, np.ndarray] = {}
        self._use: dict[int, list[tuple[int, ...]]] = {}
        self._version: dict[int, np.ndarray] = {}

    def choose(self, shape: int) -> Generator[Ask, Reply, Spot | None]:
        """Where the plugin would put it; `None` where it fits nowhere or the plugin says nothing."""
        count = len(self.nodes)
        self._asked += 1
        if self._asked in FORGET_AT or self._asked % FORGET_EVERY == 0:
            self._score.clear()
        if shape not in self._score:
            self._score[shape] = np.full(count, -np.inf)
            self._use[shape] = [()] * count
            self._version[shape] = np.full(count, -1, dtype=np.int64)
        score, version = self._score[shape], self._version[shape]
        stale = np.flatnonzero(version != self.nodes.version)
        if stale.size:
            demand = self._shapes[shape]
            rows = stale[self.nodes.fits(demand, stale)]
            score[stale] = -np.inf
            if rows.size:
                spots, of_row = self._spots(demand, rows)
                reply = yield encode_score(_pod(demand), [_candidate(self.nodes, *spot) for spot in spots])
                if reply.scores is None:
                    return None  # what it said of unchanged nodes stands; these are asked about again
                self._take_in(shape, rows, spots, of_row, reply.scores)
            version[stale] = self.nodes.version[stale]
        row = int(score.argmax()) if count else 0
        if not count or score[row] == -np.inf:
            return None
        return Spot(row, self._use[shape][row])

    def _spots(
        self, demand: Shape, rows: np.ndarray
    ) -> tuple[list[tuple[int, tuple[int, ...]]], list[list[int]]]:
        """The different spots on *rows*, and for each row which of them are its own."""
        nodes = self.nodes
        share = demand.gpus == 1 and demand.gpu_milli < WHOLE_MILLI
        seen: dict[tuple[int, ...], list[int]] = {}
        spots: list[tuple[int, tuple[int, ...]]] = []
        of_row = []
        for row in rows.tolist():
            left = nodes.gpu_left[row].tolist()
            state = (
                int(nodes.cpu_left[row]), int(nodes.memory_left[row]), int(nodes.model[row]),
                int(nodes.gpu_count[row]), *left,
            )  # fmt: skip
            own = seen.get(state)
            if own is None:
                own = []
                uses: list[tuple[int, ...]]
                if share:
                    uses = [
                        (gpu,)
                        for gpu, milli in enumerate(left)
                        if milli >= demand.gpu_milli and milli not in left[:gpu]
                    ]
                else:
                    uses = [nodes.tightest_gpus(demand, row)]
                for use in uses:
                    own.append(len(spots))
                    spots.append((row, use))
                seen[state] = own
            of_row.append(own)
        return spots, of_row

    def _take_in(
        self,
        shape: int,
        rows: np.ndarray,
        spots: list[tuple[int, tuple[int, ...]]],
        of_row: list[list[int]],
        scores: Sequence[float],
    ) -> None:
        for row, own in zip(rows.tolist(), of_row, strict=True):
            best = max(own, key=lambda at: scores[at])
            self._score[shape][row] = scores[best]
            self._use[shape][row] = spots[best][1]


def _pod(demand: Shape) -> dict[str, object]:
    gpu: dict[str, object] | None = None
    if demand.gpus:
        gpu = {"count": demand.gpus, "milli": demand.gpu_milli}
        if demand.models:
            gpu["models"] = sorted(demand.models)
    pod: dict[str, object] = {"kind": "pod", "cpu": demand.cpu_milli / 1000.0, "memory": demand.memory}
    return pod if gpu is None else {**pod, "gpu": gpu}


def _candidate(nodes: NodeColumns, row: int, use: tuple[int, ...]) -> dict[str, object]:
    """A node as contract section 6 has it, with the GPUs that the pod would use."""
    return {
        "id": nodes.names[row],
        "cpu": int(nodes.cpu_left[row]) / 1000.0,
        "memory": int(nodes.memory_left[row]),
        "gpus": nodes.gpu_left[row, : nodes.gpu_count[row]].tolist(),
        "gpuModel": nodes.models[nodes.model[row]],
        "use": use,
    }


class _Account:
    """Arrived and allocated GPU milli, as percent of the cluster's, by the published rounding."""

    def __init__(self, gpus: int) -> None:
        self._gpus = max(gpus, 1)
        self._arrived = self._used = self._dropped = 0
        self._at: dict[int, list[float]] = {}

    def add(self, demand: Shape, placed: bool) -> None:
        """One pod that came."""
        self._arrived += demand.total_milli
        self._used += demand.total_milli if placed else 0
        self._dropped += not placed
        percent = round(self._arrived / self._gpus / 10)
        self._at.setdefault(percent, []).append(round(self._used / self._gpus / 10, 2))

    def played(self, decisions: int, fallbacks: int) -> Played:
        """The result: the mean over the events at each percent of arrivals."""
        curve = [(float(x), sum(seen) / len(seen)) for x, seen in sorted(self._at.items())]
        at = dict(curve)
        last = curve[-1][1] if curve else 0.0
        metrics = {
            "allocated at 100 %": at.get(100.0, last),
            "allocated at 130 %": at.get(130.0, last),
            "utilisation": 100.0 * self._used / self._gpus / WHOLE_MILLI,
            "pods not placed": float(self._dropped),
        }
        curves = {"GPU allocated (%), by GPU arrived (%)": curve}
        return Played(metrics, curves, decisions=decisions, fallbacks=fallbacks)
