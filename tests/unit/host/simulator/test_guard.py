from __future__ import annotations

import random

from host.simulator.guard import Guard


def test_a_plugin_is_followed_while_its_cost_stays_within_the_tolerance() -> None:
    guard = Guard(1.02)
    assert all(guard.follows(101.0, 100.0) for _ in range(10))
    assert not guard.follows(103.0, 100.0)
    assert guard.trips == 1


def test_slack_is_what_it_may_lose_beside_the_tolerance() -> None:
    assert Guard(1.02).follows(111.0, 100.0, 10.0)
    assert not Guard(1.02).follows(113.0, 100.0, 10.0)


def test_it_gets_another_chance_after_the_cool_down_and_is_forgiven_what_it_lost() -> None:
    guard = Guard(1.02, cool_down=3)
    assert not guard.follows(103.0, 100.0)
    assert [guard.follows(103.5, 100.0) for _ in range(3)] == [False, False, True]
    assert guard.follows(105.0, 100.0)
    assert not guard.follows(106.0, 100.0)


def test_each_cool_down_is_longer_than_the_last() -> None:
    guard = Guard(1.0, cool_down=2)
    lengths = []
    for _ in range(4):
        assert not guard.follows(2.0, 1.0)
        length = 1
        while not guard.follows(1.0, 1.0):
            length += 1
        lengths.append(length)
    assert lengths == [2, 4, 8, 16]


def test_when_its_budget_is_spent_it_waits_until_what_it_lost_has_become_small() -> None:
    guard = Guard(1.02, cool_down=1, budget=2)
    for _ in range(3):
        assert not guard.follows(103.0, 100.0)
        again = [guard.follows(100.0, 100.0) for _ in range(20)]
    assert not any(again)
    assert guard.trips == 3
    assert not guard.follows(140.0, 140.0)
    assert guard.follows(151.0, 151.0)


def test_what_it_goes_on_losing_after_its_fall_keeps_it_waiting() -> None:
    guard = Guard(1.02, cool_down=1, budget=2)
    assert not guard.follows(103.0, 100.0)
    assert [guard.follows(106.0, 100.0) for _ in range(9)] == [False] * 9
    assert guard.follows(156.0, 150.0)


def test_who_gained_much_may_not_give_it_all_back() -> None:
    guard = Guard(1.0, kept=0.5)
    assert guard.follows(50.0, 100.0)
    assert guard.follows(74.0, 100.0)
    assert not guard.follows(76.0, 100.0)


def test_what_is_still_to_come_may_take_what_was_gained_and_no_more() -> None:
    guard = Guard(1.0)
    assert guard.follows(50.0, 100.0, coming=49.0)
    assert guard.follows(60.0, 100.0, coming=39.0)
    assert not guard.follows(60.0, 100.0, coming=41.0)


def test_a_gain_that_is_still_to_come_is_no_licence() -> None:
    assert not Guard(1.02).follows(103.0, 100.0, coming=-50.0)


def test_whatever_a_plugin_does_it_loses_no_more_than_its_budget() -> None:
    """The cost grows otherwise than the shadow's only while the plugin is followed, by less than a step."""
    for seed in range(50):
        chance = random.Random(seed)
        guard = Guard(1.01, cool_down=5)
        cost = shadow = 0.0
        follows, step = True, 0.2
        for _ in range(3000):
            shadow += 1
            cost += 1 + (chance.uniform(-step, step) if follows else 0.0)
            follows = guard.follows(cost, shadow)
        assert cost <= 1.03 * shadow + step * guard.trips
