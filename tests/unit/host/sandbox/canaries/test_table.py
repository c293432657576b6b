"""The table of canaries, the program that tries them, and the parts that stop them belong together."""

from __future__ import annotations

from host.sandbox.canaries import program
from host.sandbox.canaries.table import CANARIES, parts
from host.sandbox.machine import Machine

EVERYTHING = Machine(namespaces="user", drops_ids=True, landlock_abi=7, seccomp=True, group="cgroup v2")


def test_every_row_is_a_function_of_the_program_and_the_other_way_round():
    assert {row.name for row in CANARIES} == set(program.CANARIES)


def test_every_part_that_a_row_names_is_one_that_a_machine_can_have():
    assert set().union(*(row.stopped_by for row in CANARIES)) == set(parts(EVERYTHING))


def test_a_machine_with_nothing_has_its_limits_still():
    assert set(parts(Machine())) == {"rlimits"}


def test_old_versions_of_landlock_stop_neither_tcp_nor_signals():
    assert {"landlock", "landlock-tcp"} & set(parts(Machine(landlock_abi=3))) == {"landlock"}
    assert "landlock-signals" not in set(parts(Machine(landlock_abi=5)))
