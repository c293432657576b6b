"""From what a machine offers to a tier and to sentences about layers."""

from __future__ import annotations

import pytest

from host.sandbox.machine import TIERS, Machine, at_least, layers

FULL = Machine(
    namespaces="user", own_proc=True, landlock_abi=7, seccomp=True, listener=True, group="cgroup v2: memory"
)


@pytest.mark.parametrize(
    ("machine", "tier"),
    [
        (FULL, "A"),
        (Machine(namespaces="root", landlock_abi=1, seccomp=True), "A"),
        (Machine(namespaces="none", landlock_abi=7, seccomp=True), "C"),
        (Machine(namespaces="user", landlock_abi=0, seccomp=True), "D"),
        (Machine(namespaces="user", landlock_abi=7, seccomp=False), "none"),
        (Machine(), "none"),
    ],
)
def test_the_tier_is_that_of_the_weakest_layer(machine, tier):
    assert machine.tier == tier


def test_each_tier_is_at_least_itself_and_all_below_it():
    for place, tier in enumerate(TIERS):
        assert [at_least(tier, other) for other in TIERS] == [other >= place for other in range(len(TIERS))]


def test_a_layer_that_is_missing_says_why():
    said = layers(Machine(why={"landlock": "too old", "cgroup": "not writable"}))
    assert said["landlock"] == "inactive: too old"
    assert said["cgroup"].startswith("inactive: not writable")
    assert said["seccomp"].startswith("inactive")
    assert said["namespaces"].startswith("inactive")


def test_layers_that_are_there_say_what_they_hold():
    said = layers(FULL)
    assert said["namespaces"] == "active: user, pid, mount, net, ipc, uts, cgroup"
    assert said["landlock"] == "active: ABI 7"
    assert said["cgroup"] == "active: cgroup v2: memory"
    assert all(text.startswith("active") for text in said.values())
    assert "user" not in layers(Machine(namespaces="root", seccomp=True))["namespaces"]
