"""What is left of one node while pods are placed on it."""

from __future__ import annotations

from collections.abc import Sequence

from plugin_sdk.contract.problems.placement import GpuNode, Pod

CAPACITY_SLACK = 5e-10
"""Of a capacity: how far sums of floats may go over it; half of what the verifier allows."""


class Room:
    """A node and what is left of it."""

    def __init__(self, node: GpuNode) -> None:
        self.node = node
        self.cpu = node.cpu
        self.memory = node.memory
        self.gpus = list(node.gpus)
        self._cpu_slack = CAPACITY_SLACK * node.cpu_capacity
        self._memory_slack = CAPACITY_SLACK * node.memory_capacity

    def takes(self, pod: Pod) -> bool:
        """Whether there is room for the pod."""
        if pod.cpu > self.cpu + self._cpu_slack or pod.memory > self.memory + self._memory_slack:
            return False
        gpu = pod.gpu
        if gpu is None:
            return True
        if gpu.models is not None and self.node.gpu_model not in gpu.models:
            return False
        return sum(1 for free in self.gpus if free >= gpu.milli) >= gpu.count

    def tightest(self, pod: Pod) -> list[int]:
        """The GPUs with the least left that have enough, the first of equals; the pod must fit."""
        gpu = pod.gpu
        if gpu is None:
            return []
        enough = [index for index, free in enumerate(self.gpus) if free >= gpu.milli]
        return sorted(sorted(enough, key=lambda index: self.gpus[index])[: gpu.count])

    def put(self, pod: Pod, gpus: Sequence[int]) -> None:
        """Takes from the room what the pod needs."""
        self._change(pod, gpus, -1)

    def take_back(self, pod: Pod, gpus: Sequence[int]) -> None:
        """As if the pod had never been there."""
        self._change(pod, gpus, 1)

    def _change(self, pod: Pod, gpus: Sequence[int], sign: int) -> None:
        self.cpu += sign * pod.cpu
        if self.memory != float("inf"):
            self.memory += sign * pod.memory
        for index in gpus:
            self.gpus[index] += sign * (pod.gpu.milli if pod.gpu else 0)
