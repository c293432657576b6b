"""When a folder that changed may be taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.supervisor.stillness import Stillness

S = 1_000_000_000


def test_one_whose_files_have_rested_for_long_is_still_at_the_first_look():
    assert Stillness(1.0).wait_s("a", 1, 5 * S, 100.0, 7 * S) == 0.0


def test_one_that_was_just_written_is_waited_for_from_its_last_change():
    still = Stillness(1.0)
    assert still.wait_s("a", 1, 5 * S, 100.0, int(5.25 * S)) == 0.75
    assert still.wait_s("a", 2, 6 * S, 101.0, 6 * S) == 1.0
    assert still.wait_s("a", 2, 6 * S, 102.0, 7 * S) == 0.0


@pytest.mark.fault("folder-clock")
def test_a_clock_that_was_set_back_holds_nothing_up():
    still = Stillness(1.0)
    assert still.wait_s("a", 1, 500 * S, 100.0, 7 * S) == 1.0
    assert still.wait_s("a", 1, 500 * S, 101.0, 8 * S) == 0.0


def test_one_that_is_gone_is_waited_for_by_looks_alone():
    still = Stillness(1.0)
    assert still.wait_s("a", None, 0, 100.0, 7 * S) == 1.0
    assert still.wait_s("a", None, 0, 101.0, 8 * S) == 0.0
    still.forget("a")
    assert still.wait_s("a", None, 0, 102.0, 9 * S) == 1.0


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 2)), min_size=1, max_size=40))
def test_what_changes_at_every_look_is_never_still_and_what_does_not_is_after_its_time(looks):
    still, now, since, shown = Stillness(1.0), 0.0, 0.0, None
    for later, look in looks:
        now += later
        if look != shown:
            since, shown = now, look
        wait_s = still.wait_s("a", look, int(since * S), now, int(now * S))
        assert (wait_s <= 1e-6) == (now - since >= 1.0 - 1e-6)
