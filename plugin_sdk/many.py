"""Many inputs to one `predict`: by the author's own `predict_many`, else one after the other.

One input that cannot be predicted costs its own entry alone.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Sequence
from typing import Any

from plugin_sdk.awaiting import settled
from plugin_sdk.context import Call
from plugin_sdk.contract.messages import Abstained, ManyPredictions, Prediction, PredictionEntry
from plugin_sdk.failures import BadResultError, CancelledCallError
from plugin_sdk.jsonable import NotJsonError, encode_finite
from plugin_sdk.results import prediction_from
from plugin_sdk.roles import Bound

_SCALARS = frozenset({float, int, str, bool})
LOOK_EVERY = 32  # inputs between two looks at the clock and at whether anybody still waits


def predict_each(bound: Bound, inputs: Sequence[Any], model_id: str, call: Call) -> ManyPredictions:
    """One entry an input, in their order.

    Raises:
        CancelledCallError: Nobody waits any more.
        BadResultError: The author's `predict_many` gave another number of predictions.
        Exception: Whatever the author's `predict_many` raises.
    """
    if bound.must_train is not None and not bound.must_train.is_trained:
        reason = f"not trained yet: {bound.min_points} points are needed"
        return ManyPredictions([PredictionEntry(abstained=True, reason=reason)] * len(inputs))
    if bound.predict_many is not None:
        found = settled(bound.predict_many(inputs))
        found = found.tolist() if hasattr(found, "tolist") else list(found)
        if len(found) != len(inputs):
            raise BadResultError(f"predict_many gave {len(found)} predictions for {len(inputs)} inputs")
        return ManyPredictions([_entry(value, model_id) for value in found])
    assert bound.predict is not None
    entries: list[PredictionEntry] = []
    told = False
    for index, value in enumerate(inputs):
        if index % LOOK_EVERY == 0 and _over(call):
            entries += [PredictionEntry(failed="the deadline passed before its turn")] * (len(inputs) - index)
            break
        try:
            entries.append(_entry(settled(bound.predict(value)), model_id))
        except Exception as error:
            entries.append(PredictionEntry(failed=type(error).__name__))
            if not told:  # the first of a call stands for the others, which most likely have the same cause
                told = True
                print(f"plugin_sdk: predict failed for input {index} of {len(inputs)}", file=sys.stderr)
                traceback.print_exception(error, file=sys.stderr)
    return ManyPredictions(entries)


def _over(call: Call) -> bool:
    if call.cancelled:
        raise CancelledCallError("cancelled")
    return call.deadline is not None and time.monotonic() >= call.deadline


def _entry(value: Any, model_id: str) -> PredictionEntry:
    if type(value) in _SCALARS:
        entry = PredictionEntry(value, None, model_id)
        if value == value and value not in (float("inf"), float("-inf")):
            return entry
    found = Prediction(value, None, model_id) if type(value) in _SCALARS else prediction_from(value, model_id)
    if isinstance(found, Abstained):
        return PredictionEntry(abstained=True, reason=found.reason)
    try:
        encode_finite(found)  # here, so that one that is no JSON does not take the others with it
    except NotJsonError as error:
        return PredictionEntry(failed=str(error))
    return PredictionEntry(
        found.prediction, found.confidence, found.model_id, found.metadata, found.quantiles
    )
