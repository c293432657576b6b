"""The policies on plain lists: for problems that are too small to be worth the columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from host.solvers.pods.room import Room
from host.solvers.ruled import RuleState
from plugin_sdk.contract.problems.placement import GpuNode, Pod, TypicalPod

Choice = tuple[tuple[float, ...], list[int]]
"""How much a policy dislikes a node (the least wins), and the GPUs the pod would get there."""

Rank = Callable[["ListedPods", Room, Pod], Choice]


class ListedPods:
    """A `Board` of rooms, by one policy.

    Attributes:
        rooms: By index of the node.
        spots: The GPUs of each pod that was placed.
    """

    def __init__(
        self, nodes: Sequence[GpuNode], pods: Sequence[Pod], typical: Sequence[TypicalPod], rank: Rank
    ) -> None:
        self.count = len(nodes)
        self.rooms = [Room(node) for node in nodes]
        self.typical = typical
        self.most_cpu = max(node.cpu_capacity for node in nodes) or 1.0
        self.most_milli = max(len(node.gpus) for node in nodes) * 1000.0 or 1.0
        self.spots: dict[int, list[int]] = {}
        self._pods = pods
        self._rank = rank
        self._chosen: dict[tuple[int, int], list[int]] = {}

    def best(self, item: int, state: RuleState) -> int | None:
        """See `Board.best`; of equals the first."""
        pod, found, least, gpus = self._pods[item], None, None, []
        for node in state.candidates(item, self.count):
            room = self.rooms[node]
            if room.takes(pod):
                cost, mine = self._rank(self, room, pod)
                if least is None or cost < least:
                    found, least, gpus = node, cost, mine
        if found is not None:
            self._chosen = {(item, found): gpus}
        return found

    def holds(self, items: Sequence[int], node: int) -> bool:
        """See `Board.holds`: one after the other, each on the tightest GPUs."""
        room, placed = self.rooms[node], []
        fits = True
        for item in items:
            pod = self._pods[item]
            fits = room.takes(pod)
            if not fits:
                break
            gpus = room.tightest(pod)
            room.put(pod, gpus)
            placed.append((pod, gpus))
        for pod, gpus in placed:
            room.take_back(pod, gpus)
        return fits

    def put(self, item: int, node: int) -> None:
        """See `Board.put`."""
        room, pod = self.rooms[node], self._pods[item]
        gpus = self._chosen.pop((item, node), None)
        self.spots[item] = room.tightest(pod) if gpus is None else gpus
        room.put(pod, self.spots[item])


def best_fit(board: ListedPods, room: Room, pod: Pod) -> Choice:
    """The node with the least CPU and GPU left, weighed alike."""
    return ((room.cpu / board.most_cpu + sum(room.gpus) / board.most_milli,), room.tightest(pod))


def dot_product(board: ListedPods, room: Room, pod: Pod) -> Choice:
    """The node whose remainder points least along the pod's demand."""
    cpu = room.cpu / board.most_cpu * (pod.cpu / board.most_cpu)
    milli = pod.gpu.total_milli if pod.gpu else 0
    return ((cpu + sum(room.gpus) / board.most_milli * (milli / board.most_milli),), room.tightest(pod))


def gpu_packing(board: ListedPods, room: Room, pod: Pod) -> Choice:
    """GPUs in use first, then idle GPUs of nodes in use, then idle nodes; a pod without GPUs goes anywhere."""
    if pod.gpu is None:
        return ((0.0,), [])
    idle = sum(1 for free in room.gpus if free == 1000)
    partly = [free for free in room.gpus if pod.gpu.milli <= free < 1000]
    gpus = room.tightest(pod)
    if pod.gpu.count == 1 and partly:
        return ((0.0, float(min(partly))), gpus)
    return ((1.0 if idle < len(room.gpus) else 2.0, float(idle)), gpus)


def fgd(board: ListedPods, room: Room, pod: Pod) -> Choice:
    """The node, and for a share the GPU, where fragmentation grows least."""
    before = _fragments(room.cpu, room.gpus, room.node.gpu_model, board.typical)
    if pod.gpu is not None and pod.gpu.count == 1:
        ways = [[index] for index, free in enumerate(room.gpus) if free >= pod.gpu.milli]
    else:
        ways = [room.tightest(pod)]
    best: Choice | None = None
    for gpus in ways:
        left = list(room.gpus)
        for index in gpus:
            left[index] -= pod.gpu.milli if pod.gpu else 0
        after = _fragments(room.cpu - pod.cpu, left, room.node.gpu_model, board.typical)
        # Of equally good ones the fuller: what is idle in one piece is worth more than in two.
        cost = (round(after - before, 6), room.cpu / board.most_cpu + sum(room.gpus) / board.most_milli)
        if best is None or cost < best[0]:
            best = (cost, gpus)
    assert best is not None  # the pod fits, so there is a way
    return best


def _fragments(cpu: float, gpus: Sequence[int], model: str | None, typical: Sequence[TypicalPod]) -> float:
    """F of a node: idle milli that a typical pod cannot use, in expectation. Weng et al. (2023), section 4."""
    idle = sum(gpus)
    if not idle:
        return 0.0
    lost = 0.0
    for each in typical:
        gpu = each.gpu
        able = (
            gpu is not None
            and each.cpu <= cpu + 1e-9
            and (gpu.models is None or model in gpu.models)
            and sum(1 for free in gpus if free >= gpu.milli) >= gpu.count
        )
        lost += each.share * (sum(free for free in gpus if free < gpu.milli) if able and gpu else idle)
    return lost
