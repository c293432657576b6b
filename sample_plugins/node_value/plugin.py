"""Places pods on GPU nodes: where fragmentation grows least, and least is likely to be left over in the end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from features import GPUS, MODELS, Value, mix_of, node_features

from plugin_sdk import Abstained

LOOKS = (20, 100, 400, 1500, 6000)  # pods seen when what is typical is looked at again
COVERS = 0.95  # of the pods are typical ones


class NodeValue:
    """The score of a spot is minus the growth of two measures of loss, weighed: fragments, and GPUs left in the end.

    What is typical is learned from the pods that are asked about. It is looked at again a few times only: the host keeps
    scores of nodes that have not changed, and scores of different times should mean the same.
    """

    def __init__(self, learned: float = 0.6) -> None:
        self.learned = learned
        self.value = Value(json.loads((Path(__file__).parent / "model.json").read_text()))
        self.pods: dict[tuple[Any, ...], int] = {}
        self.seen = 0
        self.look()

    def score(self, task: dict[str, Any], candidates: list[dict[str, Any]]) -> list[float] | Abstained:
        """See the class."""
        if task.get("kind") != "pod":
            return Abstained(reason="it places pods on nodes")
        if not all("use" in node and len(node["gpus"]) <= GPUS for node in candidates):
            return Abstained(reason=f"it scores nodes of at most {GPUS} GPUs, with the GPUs to use")
        gpu = task.get("gpu") or {"count": 0, "milli": 0}
        cpu_milli, memory = round(task["cpu"] * 1000), task["memory"]
        pod = (cpu_milli, gpu["count"], gpu["milli"], tuple(gpu.get("models") or ()))
        self.pods[pod] = self.pods.get(pod, 0) + 1
        self.seen += 1
        if self.seen in LOOKS:
            self.look()
        count = len(candidates)
        left = np.zeros((count, GPUS))
        taken = np.zeros((count, GPUS))
        for row, node in enumerate(candidates):
            left[row, : len(node["gpus"])] = node["gpus"]
            taken[row, list(node["use"])] = gpu["milli"]
        cpu = np.array([node["cpu"] * 1000.0 for node in candidates])
        has = np.array([node["memory"] for node in candidates], float)
        gpus = np.array([len(node["gpus"]) for node in candidates])
        model = np.array(
            [MODELS.index(m) if (m := node.get("gpuModel")) in MODELS else -1 for node in candidates]
        )
        loss = np.zeros(count)
        if self.learned < 1:
            grown = self.fragments(cpu - cpu_milli, left - taken, model) - self.fragments(cpu, left, model)
            loss += (1 - self.learned) * grown / 1000.0
        if self.learned > 0:
            after = self.value(
                node_features(cpu - cpu_milli, has - memory, left - taken, gpus, model, self.mix)
            )
            loss += self.learned * (after - self.value(node_features(cpu, has, left, gpus, model, self.mix)))
        return [-float(each) for each in np.round(loss, 6)]

    def look(self) -> None:
        """What is typical, from the pods seen so far."""
        self.mix = mix_of(self.pods)
        covered, total = 0, sum(self.pods.values())
        typical = []
        for pod, count in sorted(self.pods.items(), key=lambda each: -each[1]):
            if covered >= COVERS * total:
                break
            typical.append((pod, count))
            covered += count
        self.cpu = np.array([pod[0] for pod, _ in typical], float)
        self.count = np.array([pod[1] for pod, _ in typical])
        self.milli = np.array([pod[2] for pod, _ in typical], float)
        self.share = np.array([count for _, count in typical], float) / max(covered, 1)
        allowed = [[not pod[3] or name in pod[3] for name in (*MODELS, "")] for pod, _ in typical]
        self.allowed = np.array(allowed, bool).reshape(len(typical), len(MODELS) + 1)

    def fragments(self, cpu: np.ndarray, left: np.ndarray, model: np.ndarray) -> np.ndarray:
        """Milli of each node that typical pods could not use: all that is idle where they do not fit, else on too full GPUs."""
        short = left[:, None, :] < self.milli[None, :, None]
        fits = (
            ((~short & (left[:, None, :] > 0)).sum(2) >= self.count)
            & (self.count > 0)
            & (cpu[:, None] >= self.cpu)
            & self.allowed[:, model].T
        )
        return np.where(fits, (left[:, None, :] * short).sum(2), left.sum(1)[:, None]) @ self.share
