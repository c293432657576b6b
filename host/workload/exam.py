"""Which of two models is better, by the newest outcomes, which neither was trained on.

Theory of operation. The newest outcomes are held out of the training. Both models predict them from what was known
beforehand; the host, which knows what came of them, measures both by the same rule. A candidate that does worse is
not taken into use. Where there are too few outcomes to tell, or nothing that the host can measure, there is no
verdict, and the candidate serves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from plugin_sdk.contract.workload import WorkloadDataPoint

LEAST = 10  # outcomes; fewer say nothing
MOST = 200
SHARE = 0.2
Measure = Literal["duration", "success"]
_DURATIONS = ("expected_duration", "expectedDuration", "duration", "runTime", "run_time")
_SUCCESSES = ("success_probability", "successProbability")


class Result(msgspec.Struct, rename="camel", frozen=True):
    """How both did. Higher is better, 1 is perfect; `None` where there was nothing to measure.

    Fields:
        measure: `duration`: mean of the smaller over the larger of predicted and true run time (the accuracy of
            Tsafrir, Etsion & Feitelson, 2007); `success`: 1 minus the Brier score.
        examined: Outcomes that were held out.
    """

    measure: Measure | None
    examined: int
    candidate: float | None = None
    serving: float | None = None

    @property
    def is_worse(self) -> bool:
        """Whether the candidate did worse than the model it would replace."""
        return self.candidate is not None and self.serving is not None and self.candidate < self.serving


def held_out(points: Sequence[WorkloadDataPoint]) -> int | None:
    """Index of the first point that is held out, for the exam; `None` when there are too few outcomes.

    Args:
        points: Oldest first. Those with features are outcomes that a model can be asked about.
    """
    outcomes = [at for at, point in enumerate(points) if point.features]
    count = min(MOST, int(len(outcomes) * SHARE))
    return outcomes[-count] if count >= LEAST else None


def examine(points: Sequence[WorkloadDataPoint], candidate: Sequence[Any], serving: Sequence[Any]) -> Result:
    """How both models did on *points*; a prediction is `None` where a model had none, and counts as wrong."""
    for measure in ("duration", "success"):
        scored = _score(measure, points, candidate)
        if scored is not None:
            return Result(measure, len(points), scored, _score(measure, points, serving))
    return Result(None, len(points))


def predicted(measure: Measure, prediction: Any) -> float | None:
    """What a prediction says of a measure; a bare number is a duration in ms."""
    names = _DURATIONS if measure == "duration" else _SUCCESSES
    if isinstance(prediction, dict):
        prediction = next((prediction[name] for name in names if name in prediction), None)
    elif measure != "duration":
        return None
    if isinstance(prediction, bool) or not isinstance(prediction, int | float):
        return None
    try:
        value = float(prediction)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None


def accuracy(predicted_ms: float, true_ms: float) -> float:
    """1 when they are equal, 0 when one is nothing beside the other."""
    low, high = sorted((max(predicted_ms, 0.0), max(true_ms, 0.0)))
    return (low + 1.0) / (high + 1.0)  # a millisecond, so that two zeros are equal


def _score(measure: Measure, points: Sequence[WorkloadDataPoint], predictions: Sequence[Any]) -> float | None:
    total, answered = 0.0, 0
    for point, prediction in zip(points, predictions, strict=True):
        value = predicted(measure, prediction)
        if value is None:
            continue
        answered += 1
        if measure == "duration":
            total += accuracy(value, point.duration)
        else:
            total += 1.0 - (min(max(value, 0.0), 1.0) - point.success) ** 2
    return total / len(points) if answered else None
