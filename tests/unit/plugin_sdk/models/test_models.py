"""The ready models are better than not having them, on worlds where that can be known."""

from __future__ import annotations

import math
import random
import statistics
from typing import Any

import pytest

import plugin_sdk.models as models
from plugin_sdk import Abstained, WorkloadDataPoint
from plugin_sdk.contract.messages import OptimizeReply, Prediction
from plugin_sdk.models.series import usage_series
from plugin_sdk.testing import PluginHarness

HOUR_MS = 3_600_000.0
DAYS = 8


def daily(days: int, seed: int = 1, noise: float = 0.5) -> list[WorkloadDataPoint]:
    """Usage with a day's rhythm, an hour a step."""
    chance = random.Random(seed)
    return [
        WorkloadDataPoint(
            hour * HOUR_MS,
            "resource",
            {"cpu": 20 + 10 * math.sin(2 * math.pi * hour / 24) + chance.gauss(0, noise)},
            1.0,
            True,
        )
        for hour in range(24 * days)
    ]


def asked(harness: PluginHarness, **said: Any) -> Prediction:
    answer = harness.predict(said)
    assert isinstance(answer, Prediction), answer
    return answer


@pytest.mark.parametrize("name", ["SeasonalNaive", "HoltWinters", "DemandQuantiles"])
def test_a_forecast_knows_the_time_of_day(name: str) -> None:
    harness = PluginHarness(getattr(models, name))
    assert harness.train(daily(DAYS)).trained
    errors, covered = [], []
    for ahead in range(1, 25):
        answer = asked(harness, horizonMs=ahead * HOUR_MS, resource="cpu")
        actual = 20 + 10 * math.sin(2 * math.pi * (24 * DAYS - 1 + ahead) / 24)
        errors.append(abs(answer.prediction - actual))
        quantiles = answer.quantiles or {}
        assert list(quantiles.values()) == sorted(quantiles.values())
        covered.append(quantiles["0.1"] - 0.5 <= actual <= quantiles["0.9"] + 0.5)
    assert statistics.fmean(errors) < 2.0, "the swing of a day is 20"
    assert sum(covered) >= 17


def test_calibrated_quantiles_of_demand_hold_on_days_not_seen() -> None:
    points = daily(DAYS + 3, noise=2.0)
    model = models.DemandQuantiles("d")
    below = {"0.1": 0, "0.9": 0}
    known = 24 * DAYS
    assert model.train(points[:known])
    for hour in range(known, known + 60):
        model.series = usage_series(points[:hour])
        said = model.predict({"horizonMs": HOUR_MS, "resource": "cpu"})
        for level in below:
            below[level] += points[hour].resource_usage["cpu"] <= said.quantiles[level]
    assert below["0.1"] / 60 == pytest.approx(0.1, abs=0.13)
    assert below["0.9"] / 60 == pytest.approx(0.9, abs=0.13)


def test_all_resources_are_forecast_when_none_is_named() -> None:
    harness = PluginHarness(models.SeasonalNaive)
    harness.train(daily(3))
    assert set(asked(harness, horizonMs=HOUR_MS).prediction) == {"cpu"}
    assert isinstance(harness.predict({"horizonMs": HOUR_MS, "resource": "gold"}), Abstained)


def jobs(count: int, seed: int = 1, factor: float = 1.0) -> list[WorkloadDataPoint]:
    chance = random.Random(seed)
    found = []
    for index in range(count):
        user = chance.randrange(8)
        run = factor * 20_000 * 2.0**user * chance.lognormvariate(0, 0.2)
        features = {"user": f"u{user}", "procs": 2 ** (user % 4), "requestedTime": 10 * HOUR_MS}
        found.append(WorkloadDataPoint(index * HOUR_MS / 10, "scheduling", {}, run, True, features=features))
    return found


@pytest.mark.parametrize("name", ["RunTimeForest", "OnlineDuration"])
def test_run_times_are_predicted_within_a_factor_of_two(name: str) -> None:
    harness = PluginHarness(getattr(models, name))
    assert harness.train(jobs(1200)).trained
    within = []
    for job in jobs(200, seed=2):
        said = asked(harness, **job.features)
        within.append(abs(math.log(said.prediction["expected_duration"] / job.duration)) < math.log(2))
        assert (said.quantiles or {})["0.9"] >= (said.quantiles or {})["0.5"]
    assert statistics.fmean(within) > 0.8


@pytest.mark.parametrize("name", ["RunTimeForest", "OnlineDuration"])
def test_outcomes_move_it_between_trainings(name: str) -> None:
    harness = PluginHarness(getattr(models, name))
    harness.train(jobs(600))
    features = jobs(1)[0].features
    before = asked(harness, **features).prediction["expected_duration"]
    same = [job for job in jobs(3000, seed=5, factor=5.0) if job.features == features]
    harness.learn(same)
    assert asked(harness, **features).prediction["expected_duration"] > 1.5 * before


def test_what_is_unusual_for_its_type_is_called_so() -> None:
    chance = random.Random(7)
    points = [
        WorkloadDataPoint(
            float(n),
            "scheduling",
            {"cpu": chance.lognormvariate(1, 0.2)},
            chance.lognormvariate(8, 0.3),
            True,
        )
        for n in range(300)
    ]
    harness = PluginHarness(models.AnomalyDetector)
    harness.train(points)
    usual = asked(harness, requestType="scheduling", duration=math.exp(8), resourceUsage={"cpu": math.e})
    odd = asked(harness, requestType="scheduling", duration=math.exp(11), resourceUsage={"cpu": math.e})
    assert (usual.prediction["is_anomaly"], odd.prediction["is_anomaly"]) == (0.0, 1.0)
    assert (odd.metadata or {})["measure"] == "duration"
    assert isinstance(harness.predict({"requestType": "never-seen", "duration": 1.0}), Abstained)


def queue(number: int) -> dict[str, Any]:
    queued = [
        {"id": "long", "submit": 0, "procs": 4, "requestedTime": 7_200_000},
        {"id": "short", "submit": 1000, "procs": 1, "requestedTime": 60_000},
    ]
    return {
        "type": "scheduling",
        "data": {"jobs": queued, "cluster": {"procs": 4}, "now": 5000},
        "requestId": f"q{number}",
    }


def test_the_bandit_comes_to_the_rule_that_pays() -> None:
    harness = PluginHarness(models.QueueBandit, name="queue-bandit")
    chosen = []
    for number in range(120):
        answer = harness.optimize(queue(number))
        assert isinstance(answer, OptimizeReply)
        rule = (answer.metadata or {})["rule"]
        chosen.append(rule)
        # Only orders with the short job first are any good here.
        score = 0.9 if answer.result["order"][0] == "short" else 0.1
        said = {"source": "request", "decidedBy": "queue-bandit@1.0.0", "score": score}
        harness.learn(
            [WorkloadDataPoint(float(number), "scheduling", {}, 1.0, True, said, request_id=f"q{number}")]
        )
    late = chosen[60:]
    assert sum(each in ("shortest-first", "smallest-area", "f1") for each in late) > 0.8 * len(late)


def test_a_job_with_a_promise_goes_first() -> None:
    asked_for = queue(1)
    asked_for["data"]["reservations"] = [{"job": "long", "start": 6000}]
    answer = PluginHarness(models.QueueBandit).optimize(asked_for)
    assert isinstance(answer, OptimizeReply)
    assert answer.result["order"] == ["long", "short"]


def test_models_are_named_and_imported_when_used() -> None:
    assert {getattr(models, name).__name__ for name in models.__all__} == set(models.__all__)
    with pytest.raises(AttributeError, match="it has AnomalyDetector"):
        _ = models.Prophet
