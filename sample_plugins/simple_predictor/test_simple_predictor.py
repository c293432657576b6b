from __future__ import annotations

import random
from pathlib import Path

import pytest

from plugin_sdk import Abstained, WorkloadDataPoint
from plugin_sdk.contract.messages import Prediction
from plugin_sdk.testing import PluginHarness, load_folder


def point(duration: float = 100.0, success: bool = True, **usage: float) -> WorkloadDataPoint:
    return WorkloadDataPoint(0.0, "resource", usage, duration, success)


@pytest.fixture
def harness() -> PluginHarness:
    return PluginHarness(load_folder(Path(__file__).parent))


def asked(harness: PluginHarness, **given: object) -> Prediction:
    answer = harness.predict(given)
    assert isinstance(answer, Prediction)
    return answer


def test_it_says_no_until_it_is_trained(harness: PluginHarness) -> None:
    assert isinstance(harness.predict({"workload_size": 100}), Abstained)


def test_nine_points_are_too_few(harness: PluginHarness) -> None:
    assert not harness.train([point()] * 9).trained
    assert isinstance(harness.predict({}), Abstained)


def test_the_averages_of_known_history_come_back(harness: PluginHarness) -> None:
    harness.train([point(100, True, cpu=2, memory=8)] * 5 + [point(300, False, cpu=4)] * 5)
    answer = asked(harness)
    assert answer.prediction == {
        "expected_duration": 200.0,
        "success_probability": 0.5,
        "recommended_resources": {"cpu": 3.0, "memory": 8.0},
    }


def test_amounts_grow_with_the_workload_and_the_success_rate_does_not(harness: PluginHarness) -> None:
    harness.train([point(100, True, cpu=2)] * 10)
    half, double = asked(harness, workload_size=50).prediction, asked(harness, workload_size=200).prediction
    assert (half["expected_duration"], double["expected_duration"]) == (50.0, 200.0)
    assert (half["recommended_resources"], double["recommended_resources"]) == ({"cpu": 1.0}, {"cpu": 4.0})
    assert half["success_probability"] == double["success_probability"] == 1.0


def test_it_finds_the_mean_of_a_noisy_workload(harness: PluginHarness) -> None:
    chance = random.Random(3)
    harness.train(
        [point(chance.gauss(500, 50), chance.random() < 0.8, cpu=chance.gauss(4, 1)) for _ in range(2000)]
    )
    found = asked(harness).prediction
    assert found["expected_duration"] == pytest.approx(500, rel=0.02)
    assert found["success_probability"] == pytest.approx(0.8, abs=0.04)
    assert found["recommended_resources"]["cpu"] == pytest.approx(4, rel=0.03)


def test_it_is_sure_of_itself_only_where_durations_are_alike(harness: PluginHarness) -> None:
    harness.train([point(100 + each % 7) for each in range(200)])
    alike = asked(harness).confidence
    harness.train([point(10.0 ** (each % 7)) for each in range(200)])
    spread = asked(harness).confidence
    assert alike == 1.0
    assert spread is not None and spread < 0.2


@pytest.mark.parametrize("size", [-1, "big", True, None])
def test_a_size_that_is_none_is_refused_by_name(harness: PluginHarness, size: object) -> None:
    harness.train([point()] * 10)
    with pytest.raises(ValueError, match="workload_size"):
        harness.predict({"workload_size": size})
