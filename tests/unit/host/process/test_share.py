"""The account of a share of the processors, played through in steps of its own choosing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.process.share import BURST_S, LEAST_STAND_S, CpuShare

LATEST_S = 0.020  # however long an account says, somebody looks this often


def play(cores, processors, greed, seconds=30.0):
    """Of a program that uses *greed* of the processors whenever it may: what it used, and how often it was stopped."""
    share = CpuShare(cores, processors)
    now = used = 0.0
    stops = 0
    while now < seconds:
        stood = share.stands
        step = min(LATEST_S, max(0.001, share.look(now, used)))
        stops += share.stands and not stood
        used += 0.0 if share.stands else step * greed
        now += step
    return used, stops


@given(
    cores=st.floats(0.05, 4.0),
    processors=st.integers(1, 8),
    greed=st.floats(0.0, 8.0),
)
def test_over_time_nobody_uses_more_than_the_share(cores, processors, greed):
    greed = min(greed, processors)
    used, _ = play(cores, processors, greed)
    unseen = LATEST_S * greed  # what the last step used, to be paid back after the end
    assert used <= cores * (30.0 + BURST_S) + unseen
    assert used >= min(greed, cores) * 30.0 * 0.75 - 0.1, "and it is not kept from using its share"


@given(cores=st.floats(0.05, 4.0), part=st.floats(0.0, 0.99))
def test_who_stays_below_the_share_is_never_stopped(cores, part):
    _, stops = play(cores, 8, cores * part)
    assert stops == 0


def test_what_was_saved_up_is_at_most_a_burst():
    share = CpuShare(0.5, 2)
    share.look(0.0, 0.0)
    share.look(3600.0, 0.0)
    assert share.look(3600.0, 0.5 * BURST_S - 1e-6) == pytest.approx(0.0, abs=1e-5)
    assert not share.stands
    wait_s = share.look(3600.0, 0.5 * BURST_S + 0.01)
    assert share.stands
    assert wait_s == pytest.approx(0.01 / 0.5 + LEAST_STAND_S)
    share.look(3600.0 + wait_s, 0.5 * BURST_S + 0.01)
    assert not share.stands
