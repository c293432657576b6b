"""What an author's method returned, brought to the protocol's result."""

from __future__ import annotations

from typing import Any

from plugin_sdk.contract.messages import Abstained, OptimizeReply, Prediction, Scores, TrainReply
from plugin_sdk.failures import BadResultError
from plugin_sdk.model import PredictionResult, result_from_mapping

_REPLY_MEMBERS = frozenset({"success", "result", "confidence", "model_id", "modelId", "metadata", "error"})


def prediction_from(value: Any, model_id: str | None) -> Prediction | Abstained:
    """From `predict`: a result, a plain value, or no."""
    if value is None:
        return Abstained()
    if isinstance(value, (Prediction, Abstained)):
        return value
    if isinstance(value, dict):
        value = result_from_mapping(value) or value
    if not isinstance(value, PredictionResult):
        return Prediction(value, None, model_id)
    return Prediction(
        value.prediction, value.confidence, value.model_id or model_id, value.metadata, value.quantiles
    )


def scores_from(value: Any, count: int) -> Scores | Abstained:
    """From `score`: as many numbers as there were candidates, or no.

    Raises:
        BadResultError: Another number of them, or no list of numbers.
    """
    if value is None:
        return Abstained()
    if isinstance(value, (Scores, Abstained)):
        scores = value.scores if isinstance(value, Scores) else None
        if scores is None:
            return value
    else:
        scores = value.tolist() if hasattr(value, "tolist") else value
    try:
        numbers = [float(number) for number in scores]
    except (TypeError, ValueError) as error:
        raise BadResultError(f"score gave {_shown(value)}; give a list of {count} numbers") from error
    if len(numbers) != count:
        raise BadResultError(f"score gave {len(numbers)} numbers for {count} candidates; give one each")
    return Scores(numbers)


def reply_from(value: Any, model_id: str | None) -> OptimizeReply | Abstained:
    """From `optimize`: a plain result, the seed's `{success, result, ...}`, or no."""
    if value is None:
        return Abstained()
    if isinstance(value, (OptimizeReply, Abstained)):
        return value
    if isinstance(value, PredictionResult):
        return OptimizeReply(value.prediction, value.confidence, value.model_id or model_id, value.metadata)
    if not isinstance(value, dict) or not isinstance(value.get("success"), bool):
        return OptimizeReply(value, None, model_id)
    if not value["success"]:
        reason = value.get("error")
        return Abstained(reason=str(reason) if reason else "it answered success: false")
    if "result" not in value:
        return OptimizeReply({k: v for k, v in value.items() if k != "success"}, None, model_id)
    inner = value.get("metadata")
    metadata = dict(inner) if isinstance(inner, dict) else {}
    metadata.update((name, member) for name, member in value.items() if name not in _REPLY_MEMBERS)
    result = value["result"]
    if isinstance(result, PredictionResult):
        result = result.prediction
    said_id = value.get("model_id", value.get("modelId")) or model_id
    return OptimizeReply(result, value.get("confidence"), said_id, metadata or None)


def train_reply_from(value: Any, size: int) -> TrainReply:
    """From `train`: it learned, unless it says `False`; a mapping's numbers are its figures of merit."""
    if isinstance(value, TrainReply):
        return value
    if value is False:
        return TrainReply(False, size, "train() returned False")
    metrics: dict[str, float] = {}
    if isinstance(value, dict):
        for name, member in value.items():
            try:
                metrics[str(name)] = float(member)
            except (TypeError, ValueError):
                continue  # a mapping may say other things beside figures
    return TrainReply(True, size, metrics=metrics or None)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
