"""Parameters as points of the unit cube and back, so that distances mean something to the model."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


class Space:
    """One axis for a float or an int (logarithmic where `log` is set), one for each value of a choice."""

    def __init__(self, parameters: list[dict[str, Any]]) -> None:
        self.parameters = parameters
        self.axes = sum(len(p["choices"]) if p["kind"] == "choice" else 1 for p in parameters)

    def encode(self, params: dict[str, Any]) -> list[float]:
        """The point of a setting, in [0, 1]^axes."""
        point: list[float] = []
        for p in self.parameters:
            value = params[p["name"]]
            if p["kind"] == "choice":
                point += [1.0 if same(value, each) else 0.0 for each in p["choices"]]
                continue
            low, high, at = (scaled(p, each) for each in (p["low"], p["high"], value))
            point.append((at - low) / (high - low) if high > low else 0.0)
        return point

    def decode(self, point: Points) -> dict[str, Any]:
        """The nearest setting that is allowed: ints rounded, the largest axis of a choice, all within bounds."""
        params: dict[str, Any] = {}
        axis = 0
        for p in self.parameters:
            if p["kind"] == "choice":
                width = len(p["choices"])
                params[p["name"]] = p["choices"][int(np.argmax(point[axis : axis + width]))]
                axis += width
                continue
            low, high = scaled(p, p["low"]), scaled(p, p["high"])
            value = low + min(max(float(point[axis]), 0.0), 1.0) * (high - low)
            value = math.exp(value) if p.get("log") else value
            value = min(max(value, p["low"]), p["high"])  # exp(log(x)) may miss a bound by a bit
            params[p["name"]] = round(value) if p["kind"] == "int" else value
            axis += 1
        return params

    def random(self, count: int, chance: np.random.Generator) -> list[dict[str, Any]]:
        """Settings spread evenly at random."""
        return [self.decode(point) for point in chance.random((count, self.axes))]

    def near(self, params: dict[str, Any], count: int, chance: np.random.Generator) -> list[dict[str, Any]]:
        """Settings around one, near and far; a choice is drawn anew now and then."""
        centre = np.array(self.encode(params))
        steps = chance.normal(size=(count, self.axes)) * chance.choice([0.01, 0.05, 0.2], size=(count, 1))
        found = []
        for point in centre + steps:
            setting = self.decode(point)
            for p in self.parameters:
                if p["kind"] == "choice" and chance.random() < 0.2:
                    setting[p["name"]] = p["choices"][int(chance.integers(len(p["choices"])))]
            found.append(setting)
        return found


def scaled(parameter: dict[str, Any], value: float) -> float:
    return math.log(value) if parameter.get("log") else float(value)


def same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other  # True is not 1 here
