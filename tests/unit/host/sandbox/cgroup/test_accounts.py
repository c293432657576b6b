"""From account files to a usage."""

from __future__ import annotations

from host.process.group import GroupUsage
from host.sandbox.cgroup.accounts import parse_usage


def test_version_1_counts_processor_time_in_nanoseconds_and_kills_in_oom_control():
    texts = {
        "now": "4096\n",
        "peak": "8192\n",
        "events": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
        "cpu": "1500000000\n",
        "tasks": "2\n",
    }
    assert parse_usage(1, texts) == GroupUsage(4096, 8192, 1.5, 2, 3)


def test_version_2_counts_processor_time_in_microseconds_and_kills_in_events():
    texts = {
        "now": "4096\n",
        "events": "low 0\nhigh 0\nmax 9\noom 2\noom_kill 1\noom_group_kill 1\n",
        "cpu": "usage_usec 250000\nuser_usec 1\n",
    }
    assert parse_usage(2, texts) == GroupUsage(4096, None, 0.25, None, 1)


def test_accounts_that_are_not_kept_are_none_and_not_nought():
    assert parse_usage(1, {"now": "0\n"}) == GroupUsage(0, None, None, None, 0)
