"""What the pods that come ask for: learned from those that are asked about, and turned into columns to look at nodes with."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Array = np.ndarray
Kind = tuple[
    int, int, int, tuple[str, ...]
]  # cpu_milli, GPUs, milli of each, models it can run on (none: any)

COVERS = 0.95  # of the pods; the rare rest would only cost time
GRID_MILLI = 10  # a part of a GPU is looked up in steps of this
# What becomes of a part of a GPU: of how many pods one can choose the best, and how often it is given up meanwhile.
CHANCES = ((1, 0.02), (1, 0.2), (4, 0.02), (4, 0.1))


class Demand:
    """The typical pods as columns, and what follows from them alone.

    Attributes:
        cpu, count, milli: Of each typical pod, shape (T,).
        share: How common it is among them, shape (T,).
        by_kind: The same for each kind alone, (T, 4): shares of a GPU, one whole GPU, several, none; each sums to 1 or is 0.
        allowed: On which models it can run, (T, M + 1); the last one stands for models that are not known.
        waste: GPUs that will be left of a part of one, (4, 101), by `CHANCES` and the part in steps of `GRID_MILLI`.
        mix: Shares of the GPUs asked for by pods that share one, that want several, cores a GPU (tens) of pods with GPUs and of
            those without, the share with a wish for models; shape (5,).
    """

    def __init__(self, pods: Mapping[Kind, float], models: tuple[str, ...]) -> None:
        covered, total = 0.0, sum(pods.values())
        typical: list[tuple[Kind, float]] = []
        for kind, count in sorted(pods.items(), key=lambda each: (-each[1], each[0])):
            if covered >= COVERS * total:
                break
            typical.append((kind, count))
            covered += count
        self.cpu = np.array([kind[0] for kind, _ in typical], float)
        self.count = np.array([kind[1] for kind, _ in typical])
        self.milli = np.array([kind[2] for kind, _ in typical])
        self.share = np.array([count for _, count in typical]) / covered
        names = (*models, "")
        self.allowed = np.array([[not kind[3] or name in kind[3] for name in names] for kind, _ in typical])
        shares = (self.count == 1) & (self.milli < 1000)
        kinds = (shares, (self.count == 1) & ~shares, self.count > 1, self.count == 0)
        masses = [np.where(each, self.share, 0.0) for each in kinds]
        self.by_kind = np.stack([mass / max(mass.sum(), 1e-9) for mass in masses], 1)
        asked = self.share * self.count * self.milli / 1000.0
        gpus = max(asked.sum(), 1e-9)
        self.waste = _waste(self.milli[shares], self.share[shares])
        picky = (self.count > 0) & ~self.allowed.all(1)
        cores = self.share * self.cpu / 1e4 / gpus
        self.mix = np.array(
            [
                asked[shares].sum() / gpus, asked[self.count > 1].sum() / gpus, cores[self.count > 0].sum(),
                cores[self.count == 0].sum(), asked[picky].sum() / gpus,
            ]
        )  # fmt: skip


def wanted_models(pods: Mapping[Kind, float], models: tuple[str, ...], capacity: Array) -> Array:
    """Part of the GPUs asked for that has to be of each model, (M,), where pods with a choice take any alike.

    All pods count, not the typical ones alone: those with wishes are of many kinds, and each kind is rare.
    """
    total, wanted = 0.0, np.zeros(len(models))
    for (_, count, milli, wishes), often in pods.items():
        total += often * count * milli
        room = capacity * [name in wishes for name in models]
        if count and room.any():
            wanted += often * count * milli * room / room.sum()
    return np.asarray(wanted / max(total, 1e-9))


def _waste(milli: Array, share: Array) -> Array:
    """See `Demand.waste`.

    A part g ends as itself when it is given up or nothing fits; else the pod that leaves least of some drawn at random takes its
    milli m of it, and g - m is what one goes on with.
    """
    waste = np.zeros((len(CHANCES), 1000 // GRID_MILLI + 1))
    for row, (draws, given_up) in zip(waste, CHANCES, strict=True):
        for at in range(1, len(row)):
            part = at * GRID_MILLI
            fits = milli <= part
            mass = share[fits].sum()
            if not mass:
                row[at] = part / 1000.0
                continue
            then = row[(part - milli[fits]) // GRID_MILLI]
            order = np.argsort(then, kind="stable")
            beyond = np.maximum(1 - np.cumsum(share[fits][order]) / mass, 0.0) ** draws
            least = (-np.diff(beyond, prepend=1.0) * then[order]).sum()
            row[at] = (given_up * part / 1000.0 + mass * least) / (given_up + mass)
    waste[:, -1] = 0.0  # a whole GPU is no part of one
    return waste
