"""Pods onto nodes with GPUs, one after the other, each where it fits tightest.

Source: Weng et al. (2023), Beware of fragmentation, USENIX ATC, section 6.1 (best fit over CPU and GPU together).
"""

from __future__ import annotations

from collections.abc import Sequence

from host.solvers.stop import Stop, never
from plugin_sdk.contract.problems.placement import GpuNode, Placement, PlacementAnswer, PlacementProblem, Pod


class Room:
    """What is left of a node while pods are placed on it."""

    def __init__(self, node: GpuNode) -> None:
        self.node = node
        self.cpu = node.cpu
        self.memory = node.memory
        self.gpus = list(node.gpus)

    def takes(self, pod: Pod) -> bool:
        """Whether there is room for the pod."""
        if pod.cpu > self.cpu or pod.memory > self.memory:
            return False
        gpu = pod.gpu
        if gpu is None:
            return True
        if gpu.models is not None and self.node.gpu_model not in gpu.models:
            return False
        return sum(1 for free in self.gpus if free >= gpu.milli) >= gpu.count

    def tightest(self, pod: Pod) -> list[int]:
        """The GPUs with the least left that have enough; the pod must fit."""
        gpu = pod.gpu
        if gpu is None:
            return []
        enough = [index for index, free in enumerate(self.gpus) if free >= gpu.milli]
        return sorted(sorted(enough, key=lambda index: self.gpus[index])[: gpu.count])

    def put(self, pod: Pod, gpus: Sequence[int]) -> None:
        """Takes from the room what the pod needs."""
        self.cpu -= pod.cpu
        self.memory -= pod.memory
        for index in gpus:
            self.gpus[index] -= pod.gpu.milli if pod.gpu else 0


def best_fit_pods(problem: PlacementProblem, out_of_time: Stop = never) -> PlacementAnswer:
    """Each pod, the most demanding first, onto the node with the least left over; of equals the first.

    Args:
        out_of_time: When it says so, each pod that is left goes to the first node with room.
    """
    rooms = [Room(node) for node in problem.nodes]
    most_cpu = max((node.cpu_capacity for node in problem.nodes), default=0.0) or 1.0
    most_gpu = max((len(node.gpus) for node in problem.nodes), default=0) * 1000 or 1
    placements, unplaced = [], []
    for pod in sorted(problem.pods, key=lambda each: _size(each, most_cpu, most_gpu), reverse=True):
        able = (room for room in rooms if room.takes(pod))
        best = (
            next(able, None)
            if out_of_time()
            else min(able, key=lambda room: room.cpu / most_cpu + sum(room.gpus) / most_gpu, default=None)
        )
        if best is None:
            unplaced.append(pod.id)
            continue
        gpus = best.tightest(pod)
        best.put(pod, gpus)
        placements.append(Placement(pod.id, best.node.id, gpus))
    return PlacementAnswer(placements, unplaced)


def _size(pod: Pod, most_cpu: float, most_gpu: int) -> float:
    return pod.cpu / most_cpu + (pod.gpu.total_milli / most_gpu if pod.gpu else 0.0)
