"""A node as numbers: what is left on it, and how the pods that come are made up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

MODELS = ("A10", "G2", "G3", "P100", "T4", "V100M16", "V100M32")
GPUS = 8  # of the largest node

Array = np.ndarray


def node_features(
    cpu_milli: Array, memory_mib: Array, gpu_milli: Array, gpus: Array, model: Array, mix: Array
) -> Array:
    """Shape (N, 45) from N nodes.

    Args:
        gpu_milli: What is left on each GPU, (N, 8), 0 where there is none.
        gpus: How many each node has.
        model: Index into MODELS, -1 for any other.
        mix: See `mix_of`.
    """
    left = np.sort(gpu_milli, axis=1)[:, ::-1] / 1000.0
    total = left.sum(1)
    whole = (left >= 1).sum(1)
    part = np.where(left < 1, left, 0)
    cores = np.minimum(cpu_milli / np.maximum(total, 1e-3) / 16_000.0, 4) * (total > 0)
    columns = [
        total, whole, part.sum(1), part.max(1), (part > 0).sum(1), (part >= 0.5).sum(1) / 4,
        ((part > 0) & (part < 0.2)).sum(1) / 4, cpu_milli / 32_000.0, cores, memory_mib / 2e5, gpus / 8.0,
        whole >= 1, whole >= 2, whole >= 4, whole >= 8,
        np.minimum(cpu_milli / 8_000.0, 1.5), np.minimum(total, cpu_milli / 12_000.0),
    ]  # fmt: skip
    plain = np.stack([np.asarray(each, float) for each in columns], 1)
    known = np.eye(len(MODELS) + 1)[model][:, : len(MODELS)]
    wide = np.broadcast_to(mix[:7], (len(plain), 7))
    return np.concatenate([plain, known, known * plain[:, :1], known * mix[None, 7:], wide], 1)


def mix_of(pods: Mapping[tuple[Any, ...], int]) -> Array:
    """How the demand for GPUs is made up, from pods as (cpu_milli, gpus, milli, models) and how often each came.

    Shares of the GPU asked for: by shares of one, whole ones, 2 to 7, 8; cores a GPU of pods with and without GPUs; with a
    wish for models, in all and of each model.
    """
    gpu = {pod: count * pod[1] * pod[2] for pod, count in pods.items() if pod[1]}
    total = float(sum(gpu.values())) or 1.0

    def share(which: Any) -> float:
        return sum(milli for pod, milli in gpu.items() if which(pod)) / total

    def cores(with_gpu: bool) -> float:
        return sum(count * pod[0] for pod, count in pods.items() if bool(pod[1]) is with_gpu) / total / 10

    return np.array(
        [
            share(lambda pod: pod[1] == 1 and pod[2] < 1000), share(lambda pod: pod[1] == 1 and pod[2] == 1000),
            share(lambda pod: 1 < pod[1] < 8), share(lambda pod: pod[1] == 8), cores(True), cores(False),
            share(lambda pod: bool(pod[3])), *(share(lambda pod, m=model: m in pod[3]) for model in MODELS),
        ]
    )  # fmt: skip


class Value:
    """A small network: from a node's features to the GPUs that are likely to be left on it in the end."""

    def __init__(self, weights: Mapping[str, Any]) -> None:
        self.weights = {name: np.asarray(value, float) for name, value in weights.items()}

    def __call__(self, features: Array) -> Array:
        w = self.weights
        hidden = np.maximum((features - w["mu"]) / w["sd"] @ w["W1"] + w["b1"], 0)
        return np.maximum(hidden @ w["W2"] + w["b2"], 0) @ w["w3"] + w["b3"]
