from __future__ import annotations

import pytest

from plugin_sdk import Abstained, PredictionResult
from plugin_sdk.contract.messages import OptimizeReply, Prediction, Scores, TrainReply
from plugin_sdk.failures import BadResultError
from plugin_sdk.results import prediction_from, reply_from, scores_from, train_reply_from


@pytest.mark.parametrize(
    ("value", "prediction"),
    [
        (5, Prediction(5, model_id="m")),
        ({"cpu": 1}, Prediction({"cpu": 1}, model_id="m")),
        (PredictionResult(5, 0.5), Prediction(5, 0.5, "m")),
        (PredictionResult(5, 0.5, "own", {"k": 1}), Prediction(5, 0.5, "own", {"k": 1})),
        ({"prediction": 5, "confidence": 0.1}, Prediction(5, 0.1, "m")),
        (Prediction(1), Prediction(1)),
        (None, Abstained()),
        (Abstained("no"), Abstained("no")),
    ],
)
def test_predictions_of_every_kind_are_brought_to_one_form(value: object, prediction: object) -> None:
    assert prediction_from(value, "m") == prediction


def test_scores_are_one_finite_number_a_candidate() -> None:
    np = pytest.importorskip("numpy")
    assert scores_from([1, 2.5], 2) == Scores([1.0, 2.5])
    assert scores_from(np.array([1.0, 2.0]), 2) == Scores([1.0, 2.0])
    assert scores_from((x for x in (1, 2)), 2) == Scores([1.0, 2.0])
    assert scores_from(None, 2) == Abstained()


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ([1, 2, 3], "3 numbers for 2 candidates"),
        (5, "score gave 5; give a list of 2 numbers"),
        (["a", "b"], "give a list of 2 numbers"),
    ],
)
def test_scores_that_do_not_fit_are_refused(value: object, complaint: str) -> None:
    with pytest.raises(BadResultError, match=complaint):
        scores_from(value, 2)


@pytest.mark.parametrize(
    ("value", "reply"),
    [
        ({"nodes": []}, OptimizeReply({"nodes": []}, None, "m")),
        ({"success": True, "result": 1, "confidence": 0.5}, OptimizeReply(1, 0.5, "m")),
        (
            {"success": True, "result": 1, "model_id": "own", "why": "x"},
            OptimizeReply(1, None, "own", {"why": "x"}),
        ),
        ({"success": True, "nodeId": "a"}, OptimizeReply({"nodeId": "a"}, None, "m")),
        ({"success": False, "error": "too few"}, Abstained("too few")),
        ({"success": False, "result": None}, Abstained("it answered success: false")),
        (PredictionResult({"a": 1}, 0.5), OptimizeReply({"a": 1}, 0.5, "m")),
        ({"success": True, "result": PredictionResult(2, 0.1)}, OptimizeReply(2, None, "m")),
        (None, Abstained()),
    ],
)
def test_optimize_answers_of_every_kind_are_brought_to_one_form(value: object, reply: object) -> None:
    assert reply_from(value, "m") == reply


def test_training_counts_as_done_unless_it_says_not() -> None:
    assert train_reply_from(None, 12) == TrainReply(True, 12)
    assert train_reply_from({"mae": 1, "note": "x"}, 12) == TrainReply(True, 12, metrics={"mae": 1.0})
    assert train_reply_from(False, 12).trained is False
    assert train_reply_from(TrainReply(False, 1, "why"), 12) == TrainReply(False, 1, "why")
