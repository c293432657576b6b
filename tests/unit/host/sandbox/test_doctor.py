"""What the doctor makes of what was found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from host.sandbox.canaries.trial import CanaryResult
from host.sandbox.cgroup.delegation import REMEDY
from host.sandbox.doctor import ACCEPTING, diagnose, layers_of
from host.sandbox.machine import Machine
from host.sandbox.policy import SandboxPolicy
from host.sandbox.probe import REMEDIES

FULL = Machine(
    namespaces="user",
    uid=65534,
    gid=65534,
    as_root=True,
    drops_ids=True,
    own_proc=True,
    landlock_abi=7,
    seccomp=True,
    listener=True,
    group="cgroup v2: memory, pids, cpu",
)


def canary(outcome, *, expected=False):
    return CanaryResult("connect", "connect to a socket", outcome, "EPERM", "it was connected", expected)


def by_name(machine):
    return {layer.name: layer for layer in layers_of(machine)}


def test_a_machine_with_everything_has_no_layer_that_is_missing():
    assert all(layer.active and layer.what and not layer.why for layer in layers_of(FULL))
    assert set(by_name(FULL)) == {"process", "ids", "rlimits", "namespaces", "landlock", "seccomp", "cgroup"}


@pytest.mark.parametrize(
    ("name", "change", "remedy"),
    [
        ("namespaces", {"namespaces": "none"}, REMEDIES["namespaces"]),
        ("landlock", {"landlock_abi": 0}, REMEDIES["landlock"]),
        ("seccomp", {"seccomp": False}, REMEDIES["seccomp"]),
        ("alarm", {"listener": False}, REMEDIES["alarm"]),
        ("cgroup", {"group": None}, REMEDY),
    ],
)
def test_a_layer_that_is_missing_has_its_reason_and_its_remedy_apart(name, change, remedy):
    machine = replace(FULL, why={name: f"the kernel said no; {remedy}"}, **change)
    layer = by_name(machine)[name]
    assert (layer.active, layer.what, layer.why, layer.remedy) == (False, "", "the kernel said no", remedy)


def test_without_a_group_the_watchdog_is_named_in_its_place():
    assert by_name(replace(FULL, group=None))["watchdog"].active
    assert "watchdog" not in by_name(FULL)


def test_plugins_that_stay_root_are_a_missing_layer():
    layer = by_name(replace(FULL, drops_ids=False))["ids"]
    assert not layer.active
    assert "root" in layer.why
    assert layer.remedy == "run the host as an ordinary user"


def test_the_default_profile_holds_at_tier_a_when_no_canary_got_out():
    found = diagnose(SandboxPolicy(), FULL.tier, list(layers_of(FULL)), [canary("stopped")])
    assert (found.holds, found.accept) == (True, None)


@pytest.mark.parametrize(
    "machine", [replace(FULL, namespaces="none"), replace(FULL, landlock_abi=0), Machine()]
)
def test_below_the_wanted_tier_it_does_not_hold_and_the_flag_that_accepts_it_is_named(machine):
    found = diagnose(SandboxPolicy(), machine.tier, list(layers_of(machine)), [])
    assert (found.holds, found.accept) == (False, ACCEPTING)
    assert ACCEPTING in found.verdict


def test_an_operator_who_wants_less_is_content_with_less():
    policy = SandboxPolicy(min_tier="C")
    found = diagnose(policy, "C", [], [canary("stopped"), canary("succeeded", expected=True)])
    assert found.holds


def test_a_canary_that_gets_out_past_an_active_layer_is_refused_and_no_flag_accepts_it():
    found = diagnose(SandboxPolicy(), "A", [], [canary("succeeded")])
    assert (found.holds, found.accept) == (False, None)
    assert "connect to a socket" in found.verdict


def test_isolation_that_is_switched_off_is_said():
    assert "isolation off" in diagnose(SandboxPolicy(isolation="off"), "A", [], []).verdict
