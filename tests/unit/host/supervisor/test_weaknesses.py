"""What is weak, kept by what it is."""

from __future__ import annotations

from host.supervisor.weaknesses import Weaknesses


def test_each_weakness_is_told_once_and_with_its_latest_reason():
    found = Weaknesses()
    assert not found
    assert found.note("breaker:score", "it fails")
    assert not found.note("breaker:score", "it fails")
    assert found.note("folder", "1.1.0 does not come up")
    assert found.note("breaker:score", "it fails again")
    assert str(found) == "it fails again; 1.1.0 does not come up"


def test_what_is_over_leaves_the_others():
    found = Weaknesses()
    found.note("a", "x")
    found.note("b", "y")
    assert found.forget("a")
    assert not found.forget("a")
    assert found
    assert str(found) == "y"
    assert found.forget("b")
    assert not found
