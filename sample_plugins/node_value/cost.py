"""What a pod costs on a node: what is lost there for those who come, and what it takes from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from demand import Array, Demand, Kind, wanted_models
from features import MODELS, Nodes, node_features


class Value:
    """A small network: from a node's features to the GPUs that are likely to be left on it in the end."""

    def __init__(self, weights: Mapping[str, Any]) -> None:
        self.weights = {name: np.asarray(value, float) for name, value in weights.items()}

    def __call__(self, features: Array) -> Array:
        w = self.weights
        hidden = np.maximum((features - w["mu"]) / w["sd"] @ w["W1"] + w["b1"], 0)
        return np.asarray(np.maximum(hidden @ w["W2"] + w["b2"], 0) @ w["w3"] + w["b3"])


class Cost:
    """Weighs what is lost, as fragments and as the network expects, and prices models that pods ask for by name.

    Args:
        value: The network; `None` leaves the fragmentation measure alone.
        learned: How much the network counts against that measure, 0 to 1.
        spare: What a GPU costs of a model that pods ask for by name, were all of that model asked for so.
        step: Losses are told apart in steps of this many GPUs. Of equals the host takes the first by name, and that packs
            nodes one by one: without steps plain fragmentation gradient descent loses two to nine points.
        capacity: GPUs of each of MODELS in the cluster.
    """

    def __init__(
        self, value: Value | None, learned: float, spare: float, step: float, capacity: Array
    ) -> None:
        self.value, self.learned, self.spare, self.step = value, learned if value else 0.0, spare, step
        self.capacity = capacity

    def look(self, pods: Mapping[Kind, float], wishing: Mapping[Kind, float]) -> None:
        """Takes *pods*, and how often each came, for typical, and what models are asked for from *wishing*."""
        self.demand = Demand(pods, MODELS)
        part = self.capacity / max(self.capacity.sum(), 1e-9)
        wanted = wanted_models(wishing, MODELS, self.capacity)
        # Above 1 the pods that need this model are more than it can hold. Models that are not known have no price.
        self.pressure = np.append(np.divide(wanted, part, out=np.zeros(len(part)), where=part > 0), 0.0)

    def lost(self, nodes: Nodes) -> Array:
        """GPUs of each node that are likely to be of no use, shape (N,)."""
        features, fragments = node_features(nodes, self.demand, self.pressure)
        if self.value is None or not self.learned:
            return fragments
        return (1 - self.learned) * fragments + self.learned * self.value(features)

    def scores(self, grown: Array, model: Array, taken_milli: Array) -> Array:
        """Higher is better: from how much `lost` grows with the pod there, the node's model, and what it takes of its GPUs."""
        price = self.spare * self.pressure[model] * taken_milli.sum(1) / 1000.0
        return np.asarray(np.floor(-grown / self.step) * self.step - price)
