"""What in the kernel's account of a process is not as ordered."""

from __future__ import annotations

import math
import os
import resource

import pytest

from host.sandbox.attest import _LIMIT_NAMES, differences, read_limits, read_status

TEXT = b"""Name:\tpython
Uid:\t65534\t65534\t65534\t65534
NSpid:\t4711\t2
CapInh:\t0000000000000000
CapPrm:\t0000000000000000
CapEff:\t0000000000000000
CapBnd:\t0000000000000000
CapAmb:\t0000000000000000
NoNewPrivs:\t1
Seccomp:\t2
Seccomp_filters:\t2
"""
PLAN = {"bounding": True, "seccomp": {"main": "", "alarm": "x"}, "own_pids": True, "outside_uid": 65534}
GOOD = read_status(TEXT)


def test_a_process_that_is_as_ordered_has_no_differences():
    assert differences(GOOD, 65534, PLAN) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NoNewPrivs", "0"),
        ("Seccomp", "0"),
        ("Seccomp", "1"),
        ("Seccomp_filters", "1"),
        ("CapEff", "0000000000000001"),
        ("CapPrm", "000001ffffffffff"),
        ("CapBnd", "000001ffffffffff"),
        ("CapAmb", "0000000000000400"),
        ("CapInh", "0000000000000001"),
        ("NSpid", "4711"),
        ("NSpid", "4711\t4711"),
        ("Uid", "0\t0\t0\t0"),
        ("Uid", "65534\t0\t65534\t65534"),
    ],
)
def test_each_thing_that_is_not_as_ordered_is_a_difference(name, value):
    assert len(differences({**GOOD, name: value}, 65534, PLAN)) == 1
    assert len(differences({k: v for k, v in GOOD.items() if k != "Seccomp"}, 65534, PLAN)) == 1


def test_a_word_from_somebody_else_is_a_difference():
    assert differences(GOOD, 0, PLAN) != []


def test_what_was_not_ordered_is_not_missed():
    lax = {"bounding": False, "seccomp": None, "own_pids": False, "outside_uid": None}
    bare = {**GOOD, "CapBnd": "000001ffffffffff", "Seccomp": "0", "Seccomp_filters": "0", "NSpid": "7"}
    assert differences(bare, 1, lax) == []


def test_filters_that_lie_on_the_host_lie_on_its_plugins_and_are_counted():
    assert differences({**GOOD, "Seccomp_filters": "3"}, 65534, PLAN, inherited_filters=1) == []
    assert differences(GOOD, 65534, PLAN, inherited_filters=1) != []


def test_a_kernel_that_does_not_count_filters_is_believed_on_the_rest():
    silent = {name: value for name, value in GOOD.items() if name != "Seccomp_filters"}
    assert differences(silent, 65534, PLAN) == []


def test_limits_are_read_as_the_kernel_writes_them():
    from pathlib import Path

    found = read_limits(Path("/proc/self/limits").read_text())
    assert set(found) == set(_LIMIT_NAMES.values())
    for name, (soft, hard) in found.items():
        told = resource.prlimit(os.getpid(), getattr(resource, name))
        assert [math.inf if each == resource.RLIM_INFINITY else each for each in told] == [soft, hard]
