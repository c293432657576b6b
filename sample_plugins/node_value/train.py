"""Makes model.json anew: `python train.py OPENB [SECONDS]`, from a checkout of engine-ops with its data (see the README).

Plays lists of pods under fragmentation gradient descent, in orders that no published run has, and fits what was left on a
node in the end to how the node looked when a pod had just been placed on it. Not part of the plugin; it is never imported.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
from features import MODELS, mix_of, node_features

from host.simulator.tasks.gpu_placement import _shape
from host.solvers.placement.nodes import Node, NodeColumns
from host.solvers.placement.placer import Placer
from host.solvers.placement.policies import POLICIES
from host.solvers.placement.shapes import table_of, typical_of
from host.traces.openb import Openb, drawn_order, load_openb

LISTS = ("default", "gpuspec33", "cpu200", "multigpu30", "gpushare60", "gpuspec20")
FIRST_SEED = 2000  # far from the published 42 to 51
HIDDEN = 32
AT_100, AT_END = 0.6, 0.4  # how what is left when pods for all GPUs have come, and at the end, are weighed


def samples(data: Openb, name: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features of nodes after each placement of one run, and the GPUs left on them later."""
    shapes = [_shape(pod) for pod in data.pods[name]]
    table = table_of(shapes)
    nodes = NodeColumns(
        Node(n.name, n.cpu_milli, n.memory_mib, (1000,) * n.gpus, n.model) for n in data.nodes
    )
    placer = Placer(nodes, table.shapes, POLICIES["fgd"](typical_of(shapes), 0))
    arrived, at_100, log = 0, None, []
    early = 0
    for row in drawn_order(data.pods[name], data.gpus, seed):
        shape = table.of_pod[row]
        arrived += table.shapes[shape].total_milli
        spot = placer.place(shape)
        if spot is not None:
            r = spot.row
            log.append((r, nodes.cpu_left[r], nodes.memory_left[r], nodes.gpu_left[r].copy()))
        if at_100 is None and arrived >= data.gpus * 1000:
            at_100, early = nodes.gpu_left.sum(1) / 1000.0, len(log)
    rows = np.array([each[0] for each in log])
    kinds = [(s.cpu_milli, s.gpus, s.gpu_milli, tuple(s.models)) for s in shapes]
    mix = mix_of({kind: kinds.count(kind) for kind in set(kinds)})
    model = np.array([MODELS.index(nodes.models[m]) for m in nodes.model[rows]])
    x = node_features(
        np.array([each[1] for each in log]), np.array([each[2] for each in log]),
        np.stack([each[3] for each in log]), nodes.gpu_count[rows], model, mix,
    )  # fmt: skip
    y = nodes.gpu_left.sum(1)[rows] / 1000.0
    if at_100 is not None:
        y[:early] = AT_END * y[:early] + AT_100 * at_100[rows[:early]]
    return x, y


def fit(x: np.ndarray, y: np.ndarray, seconds: float) -> dict[str, np.ndarray]:
    """Two layers of rectified units by Adam on the squared error (Kingma and Ba 2015)."""
    chance = np.random.default_rng(0)
    width = x.shape[1]
    w = {
        "W1": chance.normal(size=(width, HIDDEN)) / width**0.5, "b1": np.zeros(HIDDEN),
        "W2": chance.normal(size=(HIDDEN, HIDDEN)) / HIDDEN**0.5, "b2": np.zeros(HIDDEN),
        "w3": 0.1 * chance.normal(size=HIDDEN) / HIDDEN**0.5, "b3": np.zeros(()),
    }  # fmt: skip
    mu, sd = x.mean(0), x.std(0) + 1e-6
    first, second = ({name: np.zeros_like(value) for name, value in w.items()} for _ in range(2))
    step, until = 0, time.process_time() + seconds
    while time.process_time() < until:
        step += 1
        at = chance.integers(0, len(x), 512)
        z = (x[at] - mu) / sd
        a = np.maximum(z @ w["W1"] + w["b1"], 0)
        b = np.maximum(a @ w["W2"] + w["b2"], 0)
        error = (b @ w["w3"] + w["b3"] - y[at]) / len(at)
        to_b = np.outer(error, w["w3"]) * (b > 0)
        to_a = to_b @ w["W2"].T * (a > 0)
        slope = {
            "W1": z.T @ to_a, "b1": to_a.sum(0), "W2": a.T @ to_b, "b2": to_b.sum(0),
            "w3": b.T @ error, "b3": error.sum(),
        }  # fmt: skip
        rate = 2e-3 * (1 - min(step / 20_000, 0.9))
        for name, g in slope.items():
            first[name] = 0.9 * first[name] + 0.1 * g
            second[name] = 0.999 * second[name] + 0.001 * g * g
            mean, spread = first[name] / (1 - 0.9**step), second[name] / (1 - 0.999**step)
            w[name] = w[name] - rate * mean / (np.sqrt(spread) + 1e-8)
    return {**w, "mu": mu, "sd": sd}


def main() -> None:
    data = load_openb(Path(sys.argv[1]))
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 12.0
    played = [samples(data, name, FIRST_SEED + at) for at, name in enumerate(LISTS)]
    weights = fit(np.concatenate([x for x, _ in played]), np.concatenate([y for _, y in played]), seconds)
    short = {name: json.loads(json.dumps(np.asarray(value).tolist())) for name, value in weights.items()}
    rounded = json.dumps(short, separators=(",", ":"), default=float)
    (Path(__file__).parent / "model.json").write_text(rounded + "\n")


if __name__ == "__main__":
    main()
