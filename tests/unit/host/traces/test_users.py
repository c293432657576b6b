"""Attribution changes who and when, never what."""

from __future__ import annotations

import random

import pytest

from host.traces.users import ROUND_S, attribute, round_up_s


def test_attribution_keeps_every_drawn_job():
    chance = random.Random(1)
    drawn = [(chance.choice([1, 2, 8]), float(chance.randrange(1, 10_000))) for _ in range(500)]
    sent = attribute(drawn, random.Random(2))
    assert sorted((job.procs, job.run_s) for job in sent) == sorted(drawn)


def test_a_few_users_send_most_jobs():
    drawn = [(1, float(second)) for second in range(1, 1001)]
    counts: dict[str, int] = {}
    for job in attribute(drawn, random.Random(2)):
        counts[job.user] = counts.get(job.user, 0) + 1
    top = sorted(counts.values(), reverse=True)[:5]
    assert sum(top) > 0.4 * len(drawn)


@pytest.mark.parametrize(
    ("seconds", "asked"), [(1, 60), (60, 60), (61, 120), (3601, 5400), (500_000, 518_400)]
)
def test_requested_times_are_round_and_long_enough(seconds: float, asked: float):
    assert round_up_s(seconds) == asked
    assert asked in ROUND_S or asked % 86_400 == 0
