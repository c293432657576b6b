from __future__ import annotations

import pytest

from plugin_sdk import Abstained, BaseMLModel, PredictionResult, WorkloadDataPoint
from plugin_sdk.contract.messages import OptimizeReply, Prediction, Scores
from plugin_sdk.failures import LateError
from plugin_sdk.testing import PluginHarness

POINTS = [WorkloadDataPoint(i, "resource", {"cpu": i}, 2.0 * i, True) for i in range(12)]


class Mean(BaseMLModel):
    def train(self, data):
        self.mean = sum(point.duration for point in data) / len(data)

    def predict(self, input_data):
        return PredictionResult(self.mean, 0.5)


class Ranker:
    def __init__(self, config):
        self.weight = config["weight"]

    def score(self, task, candidates):
        return [self.weight * node["free"] for node in candidates]

    def optimize(self, request, history):
        return {"asked": request["data"], "seen": len(history)} if history else None


def test_a_model_is_driven_from_untrained_to_trained() -> None:
    harness = PluginHarness(Mean)
    assert harness.initialize().capabilities["train"].min_points == 10
    assert isinstance(harness.predict({}), Abstained)
    assert harness.train(POINTS).trained
    assert harness.predict({}) == Prediction(11.0, 0.5, "plugin-under-test")
    assert harness.plugin.is_trained
    assert harness.describe()["is_trained"] is True


def test_roles_are_driven_with_configuration_and_history() -> None:
    harness = PluginHarness(Ranker, config={"weight": 2.0}, handles=["scheduling"])
    assert harness.score({}, [{"free": 1}, {"free": 3}]) == Scores([2.0, 6.0])
    request = {"type": "scheduling", "data": {"a": 1}}
    assert isinstance(harness.optimize(request), Abstained)
    reply = harness.optimize(request, POINTS)
    assert isinstance(reply, OptimizeReply)
    assert reply.result == {"asked": {"a": 1}, "seen": 12}
    harness.shutdown()


def test_the_authors_exception_comes_out_as_it_is() -> None:
    class Broken:
        def predict(self, x):
            raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        PluginHarness(Broken).predict({})
    with pytest.raises(LateError):
        PluginHarness(Broken).predict({}, deadline_ms=0)
