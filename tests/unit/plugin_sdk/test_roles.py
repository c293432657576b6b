from __future__ import annotations

import pytest

from plugin_sdk import (
    Abstained,
    BaseMLModel,
    CallContext,
    MLPluginInterface,
    Optimizer,
    PluginMetadata,
    Predictor,
    Scorer,
    WorkloadDataset,
)
from plugin_sdk.contract.messages import Capability, OptimizeParams
from plugin_sdk.failures import EntryError
from plugin_sdk.roles import bind


class Everything:
    def predict(self, input):
        return input

    def score(self, task, candidates):
        return [0.0] * len(candidates)

    def optimize(self, request, history):
        return {"request": request, "seen": len(history)}

    def train(self, data): ...

    def learn(self, points): ...


class OnlyRequest:
    def optimize(self, request, context):
        assert isinstance(context, CallContext)
        return request


def test_capabilities_are_declared_by_the_methods_there_are() -> None:
    assert bind(Everything()).capabilities() == {
        "describe": Capability(),
        "predict": Capability(batch=True),
        "score": Capability(),
        "optimize": Capability(history=True),
        "train": Capability(min_points=10, candidate=True),
        "backtest": Capability(),
        "adopt": Capability(),
        "learn": Capability(),
    }


def test_optimize_that_takes_no_history_is_sent_none() -> None:
    bound = bind(OnlyRequest())
    assert bound.capabilities() == {"describe": Capability(), "optimize": Capability()}
    assert bound.optimize is not None
    request = bound.optimize(OptimizeParams("resource", {"a": 1}, "r", {"maxNodes": 2}), WorkloadDataset())
    assert request == {"type": "resource", "data": {"a": 1}, "constraints": {"maxNodes": 2}, "requestId": "r"}


def test_an_optimize_with_history_has_learn_declared_for_it() -> None:
    class Historian:
        def optimize(self, request, *rest): ...

    assert bind(Historian()).capabilities()["learn"] == Capability()


def test_the_role_protocols_know_their_objects() -> None:
    assert isinstance(Everything(), Predictor)
    assert isinstance(Everything(), Scorer)
    assert isinstance(Everything(), Optimizer)
    assert not isinstance(OnlyRequest(), Predictor)


def test_an_object_without_a_role_is_refused() -> None:
    with pytest.raises(EntryError, match="a dict has none of predict, score, optimize"):
        bind({})


def test_a_type_that_a_seed_plugin_does_not_handle_is_answered_with_no() -> None:
    class Model(BaseMLModel):
        def train(self, data): ...

        def predict(self, input_data):
            return 1

    class Plugin(MLPluginInterface):
        def optimize(self, request_data, historical_data=None):
            return {"success": True, "result": request_data}

    metadata = PluginMetadata("p", "1.0.0", "tries", supported_types=["resource"])
    bound = bind(Plugin(metadata, Model("m")))
    assert bound.optimize is not None
    assert isinstance(bound.optimize(OptimizeParams("scheduling", {}), WorkloadDataset()), Abstained)
    assert bound.optimize(OptimizeParams("resource", {"a": 1}), WorkloadDataset()) == {
        "success": True,
        "result": {"a": 1},
    }


def test_a_method_that_is_misspelt_is_named() -> None:
    class Misspelt:
        def predicct(self, input): ...

    with pytest.raises(EntryError, match="has none of predict, score, optimize; did you mean 'predict' by"):
        bind(Misspelt())
