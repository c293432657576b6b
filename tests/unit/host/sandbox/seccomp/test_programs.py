from __future__ import annotations

import pytest

from host.sandbox.seccomp.profiles import SeccompProfile
from host.sandbox.seccomp.programs import build
from host.sandbox.seccomp.rules import ALLOW, KILL
from host.sandbox.seccomp.syscalls import AUDIT_ARCH, X86_64
from tests.unit.host.sandbox.seccomp.simulate import I386, run, run_all


def test_equal_profiles_share_one_program():
    assert build(SeccompProfile(), X86_64, alarm=False) is build(SeccompProfile(), X86_64, alarm=False)


def test_a_profile_that_nobody_listens_to_has_no_alarm_program():
    with pytest.raises(ValueError, match="main program alone"):
        build(SeccompProfile(listener=False), X86_64, alarm=True)


def test_the_alarm_program_lets_the_child_go_on_to_the_main_one():
    alarm = build(SeccompProfile(), X86_64, alarm=True)
    for number in (317, 46, 3, 0, 1):  # seccomp, sendmsg, close, read, write
        assert run(alarm, AUDIT_ARCH[X86_64], number) == ALLOW


@pytest.mark.parametrize("listener", [True, False])
def test_calls_of_another_abi_kill_even_under_both_programs(listener):
    profile = SeccompProfile(listener=listener)
    programs = [build(profile, X86_64, alarm=False)]
    programs += [build(profile, X86_64, alarm=True)] if listener else []
    for number in (*range(460), 0x40000000, 0x40000001, 0x40000000 | 101):
        arch = AUDIT_ARCH[X86_64] if number >= 0x40000000 else I386
        assert run_all(programs, arch, number) == KILL
