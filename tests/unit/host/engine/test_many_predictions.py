"""Many inputs to one plugin: in few messages where it takes them, one by one where not; each has its outcome."""

from __future__ import annotations

import pytest

from host.errors import (
    BadResultError,
    CallLateError,
    CapabilityMissingError,
    PluginBusyError,
    PluginError,
    RemoteError,
)
from plugin_sdk.contract.messages import Abstained, Capability, Prediction


def doubling(asked):
    if "inputs" in asked:
        return {"predictions": [{"prediction": 2 * each} for each in asked["inputs"]]}
    return {"prediction": 2 * asked["input"]}


def batching(rig, says):
    plugin = rig.Plugin("p", predict=says)
    plugin.capabilities = {"predict": Capability(batch=True)}
    return plugin


async def test_a_plugin_that_takes_many_gets_few_messages(rig) -> None:
    plugin = batching(rig, doubling)
    found = await rig.engine(plugin).predict_many("p", list(range(1000)))
    assert [each.prediction for each in found] == [2 * n for n in range(1000)]
    assert len(plugin.calls) < 20
    assert sum(len(params["inputs"]) for _, params in plugin.calls) == 1000


async def test_a_plugin_that_does_not_is_asked_once_an_input(rig) -> None:
    plugin = rig.Plugin("p", predict=doubling)
    found = await rig.engine(plugin).predict_many("p", [1, 2, 3])
    assert [each.prediction for each in found] == [2, 4, 6]
    assert [params for _, params in plugin.calls] == [{"input": 1}, {"input": 2}, {"input": 3}]


async def test_long_inputs_are_sent_in_smaller_frames(rig) -> None:
    plugin = batching(
        rig, lambda asked: {"predictions": [{"prediction": len(each)} for each in asked["inputs"]]}
    )
    found = await rig.engine(plugin).predict_many("p", ["x" * 100_000] * 70)
    assert [each.prediction for each in found] == [100_000] * 70
    assert max(len(params["inputs"]) for _, params in plugin.calls) <= 11


async def test_each_entry_has_its_own_outcome(rig) -> None:
    entries = [
        {"prediction": 1, "confidence": 7},
        {"abstained": True, "reason": "unknown"},
        {"failed": "ValueError"},
        {},
        {"prediction": {"x": 1.5}, "modelId": "m", "metadata": {"unit": "ms"}},
    ]
    found = await rig.engine(batching(rig, {"predictions": entries})).predict_many("p", [0] * 5)
    assert found[0] == Prediction(1, 1.0)
    assert found[1] == Abstained("unknown")
    assert type(found[2]) is PluginError and "ValueError" in found[2].reason
    assert isinstance(found[3], BadResultError)
    assert found[4] == Prediction({"x": 1.5}, None, "m", {"unit": "ms"})


@pytest.mark.parametrize(
    "said",
    [
        b"[1]",
        {"predictions": [{"prediction": 1}]},
        {"predictions": 3},
        b'{"predictions":[{"prediction":1e999},{}]}',
        b"[" * 5000,
    ],
)
async def test_an_answer_that_is_none_costs_its_inputs_only(rig, said) -> None:
    found = await rig.engine(batching(rig, said)).predict_many("p", [1, 2])
    assert all(isinstance(each, BadResultError) for each in found)


async def test_when_it_goes_away_the_rest_is_not_tried(rig) -> None:
    plugin = batching(rig, PluginBusyError("p", "16 calls wait"))
    found = await rig.engine(plugin).predict_many("p", [1] * 500)
    assert all(isinstance(each, PluginBusyError) for each in found)
    assert len(plugin.calls) <= 2


async def test_what_there_is_no_time_for_is_late(rig, within) -> None:
    plugin = rig.Plugin("p", predict=rig.LATE)
    async with within(20):
        found = await rig.engine(plugin).predict_many("p", [1] * 20, deadline_s=0.05)
    assert all(isinstance(each, CallLateError) for each in found)


async def test_a_remote_failure_is_passed_on_for_a_single_prediction(rig) -> None:
    with pytest.raises(RemoteError, match="boom"):
        await rig.engine(rig.Plugin("p", predict=RemoteError("p", -1, "boom"))).predict("p", 1)
    assert await rig.engine(rig.Plugin("p", predict={"abstained": True})).predict("p", 1) == Abstained()
    assert (await rig.engine(rig.Plugin("p", predict=doubling)).predict("p", 4)).prediction == 8


async def test_a_plugin_without_predict_is_not_asked(rig) -> None:
    with pytest.raises(CapabilityMissingError, match="it has no predict; it declared score"):
        await rig.engine(rig.Plugin("p", score=1)).predict_many("p", [1])
