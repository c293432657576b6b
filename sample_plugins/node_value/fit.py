"""Fits the network of `Value`: two layers of rectified units by Adam on the squared error (Kingma and Ba 2015)."""

from __future__ import annotations

import numpy as np
from demand import Array

HIDDEN = 32
STEPS, BATCH = 20_000, 512
RATE = 2e-3  # at first; it falls to 0 in a straight line
ERROR_AT_MOST = 2.0  # GPUs: what one odd node may pull

Weights = dict[str, Array]


def fit(x: Array, y: Array) -> Weights:
    """The weights, from features (N, F) and GPUs left (N,)."""
    chance = np.random.default_rng(0)
    width = x.shape[1]
    mu, sd = x.mean(0), x.std(0) + 1e-3
    start = {
        "W1": chance.normal(size=(width, HIDDEN)) / width**0.5, "b1": np.zeros(HIDDEN),
        "W2": chance.normal(size=(HIDDEN, HIDDEN)) / HIDDEN**0.5, "b2": np.zeros(HIDDEN),
        "w3": 0.1 * chance.normal(size=HIDDEN) / HIDDEN**0.5, "b3": np.zeros(1),
    }  # fmt: skip
    w = {name: value.astype(np.float32) for name, value in start.items()}
    first, second = ({name: np.zeros_like(value) for name, value in w.items()} for _ in range(2))
    for step in range(1, STEPS + 1):
        at = chance.integers(0, len(x), BATCH)
        z = (x[at] - mu) / sd
        a = np.maximum(z @ w["W1"] + w["b1"], 0)
        b = np.maximum(a @ w["W2"] + w["b2"], 0)
        error = np.clip(b @ w["w3"] + w["b3"] - y[at], -ERROR_AT_MOST, ERROR_AT_MOST) / BATCH
        to_b = np.outer(error, w["w3"]) * (b > 0)
        to_a = to_b @ w["W2"].T * (a > 0)
        slope = {
            "W1": z.T @ to_a, "b1": to_a.sum(0), "W2": a.T @ to_b, "b2": to_b.sum(0),
            "w3": b.T @ error, "b3": error.sum(keepdims=True),
        }  # fmt: skip
        rate = RATE * (1 - step / STEPS)
        for name, g in slope.items():
            first[name] += 0.1 * (g - first[name])
            second[name] += 0.001 * (g * g - second[name])
            mean, spread = first[name] / (1 - 0.9**step), second[name] / (1 - 0.999**step)
            w[name] -= rate * mean / (np.sqrt(spread) + 1e-8)
    return {**w, "b3": w["b3"][0], "mu": mu, "sd": sd}
