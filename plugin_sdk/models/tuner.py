"""Suggests which parameters to try next, from what was tried: a Gaussian process and expected improvement.

Sources: expected improvement, Jones, Schonlau and Welch (1998); several at once by the kriging believer,
Ginsbourger, Le Riche and Carraro (2010); Gaussian processes, Rasmussen and Williams (2006).
"""

from __future__ import annotations

import math
import random
import warnings
from typing import Any

import numpy as np
from scipy.special import ndtr
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from threadpoolctl import threadpool_limits

from plugin_sdk.contract.messages import Abstained
from plugin_sdk.models.space import Points, Space

# The matrices are small: several threads would cost more in waiting for each other than they save,
# five times as much on a busy machine.
threadpool_limits(1)

MOST_ROUNDS = 16  # of believing the model; more suggestions than that are taken several at a time


class GaussianProcessTuner:
    """Fits the observations, looks where much can be gained, and says so as settings."""

    def __init__(self) -> None:
        self.fewest = 4
        self.most = 200
        self.candidates = 1024

    def init(self, config: dict[str, Any]) -> None:
        """Takes the manifest's `[config]` with the operator's settings over it."""
        self.fewest = int(config.get("fewest_observations", self.fewest))
        self.most = int(config.get("most_observations", self.most))
        self.candidates = int(config.get("candidates", self.candidates))

    def optimize(self, request: dict[str, Any]) -> dict[str, Any] | Abstained:
        """`{suggestions: [{params}]}`, as many as `count` asks for, none tried before while others are left."""
        data = request["data"]
        observations = data.get("observations") or []
        if len(observations) < self.fewest:
            return Abstained(reason=f"{len(observations)} observations; {self.fewest} are needed")
        space = Space(data["parameters"])
        sign = -1.0 if data.get("direction") == "maximize" else 1.0  # lower is better from here on
        tried = self._worth_fitting([(seen["params"], sign * seen["value"]) for seen in observations])
        # The SDK seeds `random`; numpy's generator follows it, so that a run can be repeated.
        chance = np.random.default_rng(random.getrandbits(64))
        points = np.array([space.encode(params) for params, _ in tried])
        values = np.array([value for _, value in tried])
        model = fitted(points, values)

        best = tried[int(np.argmin(values))][0]
        known = {tuple(space.encode(seen["params"])) for seen in observations}
        suggestions: list[dict[str, Any]] = []
        count = data.get("count", 1)
        while len(suggestions) < count:
            settings = space.random(self.candidates // 2, chance) + space.near(
                best, self.candidates // 2, chance
            )
            by_point = {tuple(space.encode(setting)): setting for setting in settings}
            fresh = [point for point in by_point if point not in known] or list(by_point)
            encoded = np.array(fresh)
            gain, mean = expected_improvement(model, encoded, float(values.min()))
            take = min(math.ceil(count / MOST_ROUNDS), count - len(suggestions))
            chosen = np.argsort(-gain)[:take]
            suggestions += [{"params": by_point[fresh[i]]} for i in chosen]
            if len(suggestions) < count:
                known.update(fresh[i] for i in chosen)
                # Believe the model at these points, so that the next suggestions look elsewhere.
                points = np.vstack([points, encoded[chosen]])
                values = np.append(values, mean[chosen])
                model = fitted(points, values, kernel=model.kernel_)
        return {"suggestions": suggestions}

    def _worth_fitting(self, seen: list[tuple[dict[str, Any], float]]) -> list[tuple[dict[str, Any], float]]:
        if len(seen) <= self.most:
            return seen
        best = sorted(range(len(seen)), key=lambda i: seen[i][1])[: self.most // 2]
        newest = range(len(seen) - self.most // 2, len(seen))
        return [seen[i] for i in sorted({*best, *newest})]


def fitted(points: Points, values: Points, kernel: Any = None) -> GaussianProcessRegressor:
    """A Gaussian process through the observations; with *kernel*, that one as it is (fitting takes the time)."""
    start = ConstantKernel(1.0, (0.01, 100.0)) * Matern(
        length_scale=np.full(points.shape[1], 0.5), length_scale_bounds=(0.05, 20.0), nu=2.5
    ) + WhiteKernel(1e-4, (1e-8, 1.0))
    model = GaussianProcessRegressor(
        kernel=kernel or start,
        optimizer=None if kernel else "fmin_l_bfgs_b",
        normalize_y=True,
        random_state=0,
    )
    with warnings.catch_warnings():
        # A length scale at its bound is no fault here: it says that the parameter does not matter.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(points, values)
    return model


def expected_improvement(
    model: GaussianProcessRegressor, points: Points, best: float
) -> tuple[Points, Points]:
    """How much lower than *best* each point is expected to come out, and the mean there; shape (points,) each."""
    mean, deviation = model.predict(points, return_std=True)
    deviation = np.maximum(deviation, 1e-12)
    z = (best - mean) / deviation
    density = np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
    return deviation * (z * ndtr(z) + density), mean
