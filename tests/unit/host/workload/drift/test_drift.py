"""Drift is seen where there is one, soon, and seldom where there is none."""

from __future__ import annotations

import random

import pytest

from host.workload.drift.adwin import Adwin
from host.workload.drift.scale import FIRST, Scale
from host.workload.drift.watch import ERROR, DriftWatch
from plugin_sdk.contract.workload import WorkloadDataPoint


def test_a_change_of_the_mean_is_seen_within_a_few_hundred_values_and_the_old_ones_are_dropped():
    chance = random.Random(1)
    adwin = Adwin()
    assert all(adwin.add(chance.random() * 0.4) is None for _ in range(2000))
    changes = [(n, change) for n in range(1000) if (change := adwin.add(0.4 + chance.random() * 0.4))]
    assert changes[0][0] < 200
    assert changes[0][1].before < changes[0][1].after
    assert adwin.mean == pytest.approx(0.6, abs=0.03)
    assert adwin.length < 1200


def test_one_change_is_told_once():
    told = []
    for seed in range(20):
        chance, adwin = random.Random(seed), Adwin()
        for n in range(2500):
            told += (
                [change] if (change := adwin.add(chance.random() * 0.5 + (0.4 if n >= 1500 else 0))) else []
            )
    assert 20 <= len(told) <= 22
    assert all(change.before < 0.4 < change.after for change in told)


def test_false_alarms_are_rare():
    alarms = 0
    for seed in range(20):
        chance, adwin = random.Random(seed), Adwin()
        alarms += sum(adwin.add(chance.random()) is not None for _ in range(3000))
    assert alarms <= 2, "60,000 values of one distribution"


def test_its_memory_grows_with_the_logarithm_of_what_it_has_seen():
    adwin = Adwin()
    for _ in range(100_000):
        adwin.add(0.5)
    assert adwin.length == 100_000
    assert sum(len(row) for row in adwin._rows) <= 6 * 18


def test_its_window_is_what_it_has_seen_since_the_cut():
    adwin, values = Adwin(), []
    chance = random.Random(3)
    for n in range(3000):
        value = chance.random() * 0.2 + (0.7 if n > 1500 else 0.0)
        values.append(value)
        adwin.add(value)
        kept = values[len(values) - adwin.length :]
        assert adwin.mean == pytest.approx(sum(kept) / len(kept))


def test_any_feature_has_a_place_between_0_and_1():
    numbers, texts = Scale(), Scale()
    chance = random.Random(5)
    for n in range(FIRST):
        assert numbers.of(chance.lognormvariate(10, 1)) is None
        assert texts.of("common" if n % 4 else "rare") is None
    for value in (0, -5, 1e300, 10**400, True, 3.5, float("inf")):
        scaled = numbers.of(value)
        assert scaled is None or 0 <= scaled <= 1
    assert (texts.of("common"), texts.of("rare"), texts.of("new")) == (0.0, 0.5, 1.0)
    assert numbers.of([1]) is None


def outcome(n, procs, user="mia", request_id=None, duration=100.0):
    return WorkloadDataPoint(
        float(n), "scheduling", {}, duration, True, {}, {"procs": procs, "user": user}, request_id
    )


def test_the_feature_that_has_changed_is_named_and_no_other():
    watch, chance = DriftWatch(lambda _: None), random.Random(7)
    for n in range(1500):
        assert watch.observe([outcome(n, chance.randint(1, 8), chance.choice("abc"))]) == []
    found = []
    for n in range(600):
        found += watch.observe([outcome(n, chance.randint(64, 512), chance.choice("abc"))])
    assert {each.feature for each in found} == {"procs"}
    assert found[0].type == "scheduling"


def test_predictions_that_become_worse_are_a_drift_of_their_own():
    watch, chance, found = DriftWatch(lambda _: None), random.Random(9), []
    for n in range(1200):
        true = chance.uniform(900.0, 1100.0)
        watch.expect(f"r{n}", 1000.0 if n < 800 else 60_000.0)
        found += watch.observe([outcome(n, 4, request_id=f"r{n}", duration=true)])
    assert {each.feature for each in found} == {ERROR}
    assert found[0].after > found[0].before
