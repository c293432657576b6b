from __future__ import annotations

from host.simulator.guard import Guard


def test_a_plugin_is_followed_while_its_cost_stays_within_the_tolerance() -> None:
    guard = Guard(1.02)
    assert all(guard.follows(101.0, 100.0) for _ in range(10))
    assert not guard.follows(103.0, 100.0)
    assert guard.trips == 1


def test_it_is_followed_again_after_the_cool_down_and_only_when_its_account_is_level() -> None:
    guard = Guard(1.02, cool_down=3, chances=9)
    assert not guard.follows(2.0, 1.0)
    assert [guard.follows(0.5, 1.0) for _ in range(3)] == [False, False, True]
    assert not guard.follows(2.0, 1.0)
    assert [guard.follows(1.5, 1.0) for _ in range(20)] == [False] * 20
    assert guard.follows(0.9, 1.0)


def test_each_cool_down_is_longer_than_the_last() -> None:
    guard = Guard(1.0, cool_down=2, chances=9)
    lengths = []
    for _ in range(4):
        assert not guard.follows(2.0, 1.0)
        length = 1
        while not guard.follows(1.0, 1.0):
            length += 1
        lengths.append(length)
    assert lengths == [2, 4, 8, 16]


def test_at_its_last_chance_it_is_followed_no_more() -> None:
    guard = Guard(1.0, cool_down=2, chances=2)
    for _ in range(2):
        assert not guard.follows(2.0, 1.0)
        last = [guard.follows(0.1, 1.0) for _ in range(50)]
    assert not any(last)
    assert guard.trips == 2
