from __future__ import annotations

import random
from pathlib import Path

import pytest

from plugin_sdk import Abstained, WorkloadDataPoint
from plugin_sdk.contract.messages import OptimizeReply, Prediction
from plugin_sdk.testing import PluginHarness, load_folder


def point(kind: str, duration: float, success: bool = True, **usage: float) -> WorkloadDataPoint:
    return WorkloadDataPoint(0.0, kind, usage, duration, success)


HISTORY = (
    [point("batch", each, cpu=each / 100) for each in (100, 200, 300, 400, 10_000)]
    + [point("batch", 1, False, cpu=99)] * 5
    + [point("web", 10, cpu=1, memory=2)] * 4
)


@pytest.fixture
def harness() -> PluginHarness:
    return PluginHarness(load_folder(Path(__file__).parent))


def asked(harness: PluginHarness, **given: object) -> Prediction:
    answer = harness.predict(given)
    assert isinstance(answer, Prediction)
    return answer


def test_it_says_no_until_it_is_trained(harness: PluginHarness) -> None:
    assert isinstance(harness.predict({"request_type": "batch"}), Abstained)
    assert isinstance(harness.optimize({"type": "ml-driven", "data": {"request_type": "batch"}}), Abstained)


def test_it_takes_the_medians_of_what_succeeded(harness: PluginHarness) -> None:
    """An outlier of 10,000 and five failures move neither amount nor duration."""
    assert harness.train(HISTORY).trained
    answer = asked(harness, request_type="batch")
    assert answer.prediction == {
        "optimal_resources": {"cpu": 3.0},
        "expected_duration": 300.0,
        "success_probability": 0.5,
    }


def test_amounts_grow_with_the_workload(harness: PluginHarness) -> None:
    harness.train(HISTORY)
    found = asked(harness, request_type="web", workload_size=300).prediction
    assert found["optimal_resources"] == {"cpu": 3.0, "memory": 6.0}
    assert found["expected_duration"] == 30.0


def test_a_type_never_seen_gets_the_average_over_types_and_less_confidence(harness: PluginHarness) -> None:
    harness.train(HISTORY)
    unknown = asked(harness, request_type="video")
    assert unknown.prediction["optimal_resources"] == {"cpu": 2.0, "memory": 2.0}
    assert unknown.prediction["expected_duration"] == 155.0
    known = min(asked(harness, request_type=kind).confidence or 0.0 for kind in ("batch", "web"))
    assert unknown.confidence is not None and 0 < unknown.confidence < known


def test_it_is_sure_of_itself_only_where_durations_are_alike(harness: PluginHarness) -> None:
    alike = [point("web", 10 + each % 3, cpu=1) for each in range(100)]
    spread = [point("batch", 10.0 ** (each % 7), cpu=1) for each in range(100)]
    harness.train(alike + spread)
    assert asked(harness, request_type="web").confidence == 1.0
    assert (asked(harness, request_type="batch").confidence or 1.0) < 0.2


def test_history_without_a_success_teaches_nothing_and_says_why(harness: PluginHarness) -> None:
    reply = harness.train([point("batch", 5, False, cpu=1)] * 20)
    assert not reply.trained
    assert reply.reason is not None and "successful" in reply.reason
    assert isinstance(harness.predict({"request_type": "batch"}), Abstained)


def test_packing_is_left_to_others(harness: PluginHarness) -> None:
    harness.train(HISTORY)
    data = {"items": [{"id": "a", "cpu": 1}], "nodeCapacity": {"cpu": 4}}
    assert isinstance(harness.optimize({"type": "resource", "data": data}), Abstained)


def test_a_request_is_answered_with_what_the_model_predicts(harness: PluginHarness) -> None:
    harness.train(HISTORY)
    answer = harness.optimize({"type": "ml-driven", "data": {"request_type": "web"}})
    assert isinstance(answer, OptimizeReply)
    assert answer.result == asked(harness, request_type="web").prediction


def test_a_request_with_history_needs_no_training_before(harness: PluginHarness) -> None:
    answer = harness.optimize({"type": "ml-driven", "data": {"request_type": "web"}}, HISTORY)
    assert isinstance(answer, OptimizeReply)
    assert answer.result["expected_duration"] == 10.0


def test_heavy_tails_do_not_move_the_recommendation(harness: PluginHarness) -> None:
    chance = random.Random(5)
    harness.train(
        [point("batch", chance.lognormvariate(5, 2), cpu=chance.lognormvariate(1, 2)) for _ in range(4000)]
    )
    found = asked(harness, request_type="batch").prediction
    assert found["expected_duration"] == pytest.approx(148.4, rel=0.15)  # e^5, the median
    assert found["optimal_resources"]["cpu"] == pytest.approx(2.718, rel=0.15)
