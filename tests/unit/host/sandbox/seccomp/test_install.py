from __future__ import annotations

import struct

from host.sandbox.seccomp.install import PID_MARK, bind_pid
from host.sandbox.seccomp.profiles import SeccompProfile
from host.sandbox.seccomp.programs import build
from host.sandbox.seccomp.syscalls import X86_64


def test_binding_changes_the_marks_and_nothing_else():
    program = build(SeccompProfile(own_pids=False), X86_64, alarm=False)
    bound = bind_pid(program, 4711)
    changed = [
        (before, after)
        for before, after in zip(
            struct.iter_unpack("=HBBI", program), struct.iter_unpack("=HBBI", bound), strict=True
        )
        if before != after
    ]
    assert len(changed) == 3
    for before, after in changed:
        assert before[:3] == after[:3]
        assert (before[3], after[3]) == (PID_MARK, 4711)


def test_a_program_without_marks_comes_back_as_it_is():
    program = build(SeccompProfile(), X86_64, alarm=False)
    assert bind_pid(program, 4711) is program
