"""Places pods on GPU nodes: where little is likely to be left over in the end, and what others must have is spared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from cost import Cost, Value
from demand import Kind
from features import GPUS, MODELS, Nodes

from plugin_sdk import Abstained

FIRST_LOOK = 40  # pods seen when what is typical is first looked at
NEXT_LOOK = 1.25  # times as many pods as at the last look
PRIOR_LATER = (
    0.1  # of the pods that stood in at first count on: a cluster with many large pods must know it early
)


class NodeValue:
    """The score of a spot is minus what a pod there would cost; see `Cost`, whose settings these are.

    What is typical is learned from the pods that are asked about. The host keeps scores of nodes that have not changed, and
    forgets them now and then. What is typical is looked at again just then: beside scores of another time, nodes that have
    not changed for long would look too good or too bad, all of them.
    """

    def __init__(self, learned: float = 0.45, spare: float = 0.4, step: float = 0.04) -> None:
        model = json.loads((Path(__file__).parent / "model.json").read_text())
        # Until pods have come, those of a list it was trained on stand in, as 200 pods; no wishes for models among them.
        self.prior: dict[Kind, float] = {
            (cpu, gpus, milli, tuple(models)): count for cpu, gpus, milli, models, count in model.pop("prior")
        }
        self.pods: dict[Kind, float] = {}
        # A question shows some nodes of a cluster, never all of them, so how many there are of each model comes with it.
        capacity = model.pop("capacity")
        gpus = np.array([capacity.get(name, 0.0) for name in MODELS])
        self.cost = Cost(Value(model), learned, spare, step, gpus)
        self.seen, self.next_look = 0, FIRST_LOOK
        self.told: dict[Kind, dict[str, tuple[float, list[int]]]] = {}
        self.cost.look(self.prior, self.pods)

    def score(self, task: dict[str, Any], candidates: list[dict[str, Any]]) -> list[float] | Abstained:
        """See the class."""
        if task.get("kind") != "pod":
            return Abstained(reason="it places pods on nodes")
        if not all("use" in node and len(node["gpus"]) <= GPUS for node in candidates):
            return Abstained(reason=f"it scores nodes of at most {GPUS} GPUs, with the GPUs to use")
        gpu = task.get("gpu") or {"count": 0, "milli": 0}
        cpu_milli = round(task["cpu"] * 1000)
        pod: Kind = (cpu_milli, gpu["count"], gpu["milli"], tuple(sorted(gpu.get("models") or ())))
        self.pods[pod] = self.pods.get(pod, 0.0) + 1
        self.seen += 1
        if self.is_asked_again(pod, candidates) and self.seen >= self.next_look:
            self.next_look = int(NEXT_LOOK * self.seen)
            known = {
                kind: self.pods.get(kind, 0.0) + PRIOR_LATER * self.prior.get(kind, 0.0)
                for kind in {*self.prior, *self.pods}
            }
            self.cost.look(known, self.pods)
        left = np.zeros((len(candidates), GPUS), np.int64)
        taken = np.zeros_like(left)
        for row, node in enumerate(candidates):
            left[row, : len(node["gpus"])] = node["gpus"]
            taken[row, list(node["use"])] = gpu["milli"]
        models = [node.get("gpuModel") for node in candidates]
        nodes = Nodes(
            np.array([node["cpu"] * 1000.0 for node in candidates]).round(),
            np.array([node["memory"] for node in candidates], float),
            left,
            np.array([len(node["gpus"]) for node in candidates]),
            np.array([MODELS.index(name) if name in MODELS else len(MODELS) for name in models]),
        )
        grown = self.cost.lost(nodes.after(cpu_milli, task["memory"], taken)) - self.cost.lost(nodes)
        return [float(each) for each in self.cost.scores(grown, nodes.model, taken)]

    def is_asked_again(self, pod: Kind, candidates: list[dict[str, Any]]) -> bool:
        """Whether the host has forgotten scores: it asks about a node that is as it was when this pod was last asked about."""
        told = self.told.get(pod, {})
        states = {node["id"]: (node["cpu"], node["gpus"]) for node in candidates}
        again = any(told.get(name) == state for name, state in states.items())
        if again:
            self.told.clear()
        self.told.setdefault(pod, {}).update(states)
        return again
