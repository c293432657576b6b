from __future__ import annotations

import threading
import time
from typing import Any

import msgspec
import pytest

from plugin_sdk import BaseMLModel, WorkloadDataPoint
from plugin_sdk.context import Call
from plugin_sdk.contract.messages import InitializeParams, Peer, ProtocolRange, WireLimits
from plugin_sdk.entry import Entry
from plugin_sdk.failures import (
    BadResultError,
    LateError,
    MissingCapabilityError,
    ParamsError,
    UnknownMethodError,
    UnsupportedVersionError,
)
from plugin_sdk.handlers import HISTORY_POINTS, Handlers


def handlers(plugin: Any, protocol: ProtocolRange | None = None, **config: Any) -> Handlers:
    params = InitializeParams(
        protocol or ProtocolRange(),
        Peer("test", "1"),
        Peer("mine", "1.2.3"),
        "i",
        1,
        ["resource"],
        config,
        WireLimits(),
    )
    return Handlers(Entry(plugin, "plugin:it"), params)


def call(method: str, **params: Any) -> Call:
    return Call(1, method, msgspec.json.encode(params), time.monotonic())


def ask(served: Handlers, method: str, **params: Any) -> Any:
    return msgspec.json.decode(served.answer(call(method, **params)))


def points(count: int) -> list[WorkloadDataPoint]:
    return [WorkloadDataPoint(i, "resource", {}, 3.0, True) for i in range(count)]


class Mean(BaseMLModel):
    """The ten-line plugin: it sets no flag and wraps nothing."""

    def train(self, data):
        self.mean = sum(point.duration for point in data) / len(data)

    def predict(self, input_data):
        return self.mean


def test_a_bare_model_is_a_whole_plugin() -> None:
    served = handlers(Mean)
    assert served.initialized().capabilities.keys() == {
        "predict",
        "train",
        "backtest",
        "adopt",
        "save",
        "describe",
    }
    assert served.initialized().model_id == "mine"
    assert ask(served, "predict", input={}) == {
        "reason": "not trained yet: 10 points are needed",
        "abstained": True,
    }
    assert ask(served, "train", points=points(10)) == {"trained": True, "size": 10}
    assert ask(served, "predict", input={}) == {"prediction": 3.0, "modelId": "mine"}
    assert ask(served, "describe")["is_trained"] is True


def test_too_few_points_are_not_trained_on() -> None:
    served = handlers(Mean)
    assert ask(served, "train", points=points(9)) == {
        "trained": False,
        "size": 9,
        "reason": "9 points are too few; 10 are needed",
    }
    assert served.target.is_trained is False


def test_a_failed_training_leaves_the_old_model_in_place() -> None:
    class Fickle(Mean):
        def train(self, data):
            self.mean = -1.0
            if len(data) == 11:
                raise ValueError("no")
            super().train(data)

    served = handlers(Fickle)
    ask(served, "train", points=points(10))
    with pytest.raises(ValueError, match="no"):
        ask(served, "train", points=points(11))
    assert ask(served, "predict", input={})["prediction"] == 3.0


def test_the_old_model_serves_while_a_copy_trains_and_what_it_learns_meanwhile_is_not_lost() -> None:
    begun, go_on = threading.Event(), threading.Event()

    class Slow:
        mean, learnt = 0.0, 0

        def predict(self, x):
            return [self.mean, self.learnt]

        def learn(self, data):
            self.learnt += len(data)

        def train(self, data):
            begun.set()
            assert go_on.wait(5)
            self.mean, self.learnt = 7.0, 0

    served = handlers(Slow)
    old = served.target
    training = threading.Thread(target=ask, args=(served, "train"), kwargs={"points": points(10)})
    training.start()
    assert begun.wait(5)
    ask(served, "learn", points=points(2))
    assert ask(served, "predict", input=0)["prediction"] == [0.0, 2]
    assert served.target is old
    go_on.set()
    training.join(5)
    assert served.target is not old
    assert ask(served, "predict", input=0)["prediction"] == [7.0, 2]


def test_a_model_that_cannot_be_copied_is_made_anew_with_its_configuration() -> None:
    class Locked:
        def __init__(self) -> None:
            self.lock = threading.Lock()  # does not deep-copy
            self.value = 0

        def init(self, config):
            self.base = config["base"]

        def train(self, data):
            self.value = self.base + len(data)

        def predict(self, x):
            return self.value

    served = handlers(Locked, base=100)
    old = served.target
    ask(served, "train", points=points(3))
    assert served.target is not old
    assert ask(served, "predict", input=0)["prediction"] == 103


def test_an_instance_that_cannot_be_copied_learns_itself() -> None:
    class Locked(Mean):
        def __init__(self) -> None:
            self.lock = threading.Lock()

    one = Locked()
    served = handlers(one)
    ask(served, "train", points=points(10))
    assert served.target is one
    assert one.is_trained


def test_history_is_kept_for_optimize_and_bounded() -> None:
    class Historian:
        def optimize(self, request, history):
            return {"seen": len(history), "first": history[0].timestamp if history else None}

    served = handlers(Historian)
    assert ask(served, "optimize", type="resource", data={})["result"] == {"seen": 0, "first": None}
    ask(served, "learn", points=points(6000))
    ask(served, "learn", points=points(6000))
    result = ask(served, "optimize", type="resource", data={})["result"]
    assert result == {"seen": HISTORY_POINTS, "first": 2000.0}
    assert ask(served, "learn", points=points(3), reset=True) == {"accepted": 3}
    assert ask(served, "optimize", type="resource", data={})["result"]["seen"] == 3


def test_methods_may_be_async() -> None:
    class Async:
        async def predict(self, x):
            return x + 1

        async def train(self, data):
            return {"mae": 1.0}

        async def shutdown(self):
            closed.append(True)

    closed: list[bool] = []
    served = handlers(Async())
    assert ask(served, "predict", input=1)["prediction"] == 2
    assert ask(served, "train", points=points(1))["metrics"] == {"mae": 1.0}
    served.shutdown()
    assert closed == [True]
    from plugin_sdk.awaiting import close_loop

    close_loop()


def test_a_result_that_is_not_finite_is_refused_by_its_path() -> None:
    served = handlers(type("Nan", (), {"predict": lambda self, x: {"a": float("nan")}}))
    with pytest.raises(BadResultError, match=r"not finite: result\.prediction\.a is nan"):
        ask(served, "predict", input=1)


def test_what_cannot_be_asked_is_refused_by_name() -> None:
    served = handlers(Mean)
    with pytest.raises(
        MissingCapabilityError,
        match="mine has no score; it declared adopt, backtest, describe, predict, save, train",
    ):
        ask(served, "score", type="scheduling", task={}, candidates=[])
    with pytest.raises(UnknownMethodError, match="no method 'guess'; there is initialize"):
        ask(served, "guess")
    with pytest.raises(ParamsError, match=r"parameters of predict cannot be read: .*input"):
        ask(served, "predict", inputs=1)


def test_a_call_past_its_deadline_is_not_run() -> None:
    served = handlers(type("Never", (), {"predict": lambda self, x: pytest.fail("it ran")}))
    with pytest.raises(LateError):
        ask(served, "predict", input=1, _meta={"deadlineMs": -1})


def test_a_host_of_another_protocol_is_refused() -> None:
    with pytest.raises(UnsupportedVersionError, match="speaks protocol 2 to 3, this SDK 1 to 1"):
        handlers(Mean, ProtocolRange(2, 3))


class Root:
    def predict(self, input):
        if input == "unknown":
            return None
        return input**0.5


def test_many_inputs_at_once_have_an_entry_each_and_one_that_fails_costs_itself_alone(capfd) -> None:
    served = handlers(Root)
    assert served.initialized().capabilities["predict"].batch
    said = ask(served, "predict", inputs=[4, "unknown", "x", 9])["predictions"]
    assert said == [
        {"prediction": 2.0, "modelId": "mine"},
        {"abstained": True},
        {"failed": "TypeError"},
        {"prediction": 3.0, "modelId": "mine"},
    ]
    assert "predict failed for input 2 of 4" in capfd.readouterr().err
    assert ask(served, "predict", inputs=[]) == {"predictions": []}


def test_a_prediction_that_is_no_json_fails_alone() -> None:
    class Odd:
        def predict(self, input):
            return float("nan") if input else {"x": float("inf")}

    said = ask(handlers(Odd), "predict", inputs=[0, 1])["predictions"]
    assert all("not finite" in each["failed"] for each in said)


def test_an_authors_own_predict_many_is_used() -> None:
    class Both(Root):
        def predict_many(self, inputs):
            return [-each for each in inputs]

    assert [each["prediction"] for each in ask(handlers(Both), "predict", inputs=[1, 2])["predictions"]] == [
        -1,
        -2,
    ]

    class Short(Root):
        def predict_many(self, inputs):
            return [1]

    with pytest.raises(BadResultError, match="1 predictions for 2 inputs"):
        ask(handlers(Short), "predict", inputs=[1, 2])


def test_inputs_whose_deadline_passes_meanwhile_are_not_tried() -> None:
    class Slow:
        def predict(self, input):
            time.sleep(0.002)
            return input

    said = ask(handlers(Slow), "predict", inputs=list(range(400)), _meta={"deadlineMs": 100})["predictions"]
    assert len(said) == 400
    assert said[0]["prediction"] == 0
    assert said[-1] == {"failed": "the deadline passed before its turn"}


def test_many_inputs_to_a_model_that_was_not_trained_are_declined() -> None:
    said = ask(handlers(Mean("m")), "predict", inputs=[1, 2])["predictions"]
    assert [each["abstained"] for each in said] == [True, True]


def test_predict_with_neither_input_nor_inputs_is_refused() -> None:
    with pytest.raises(ParamsError, match="give input, or inputs"):
        ask(handlers(Root), "predict")
