"""What the kernel would answer: an interpreter of classic BPF, and the kernel's way with several filters.

Written from the kernel's documentation, not from the compiler, so that the two can disagree.

Source: Linux, Documentation/networking/filter.rst, Documentation/userspace-api/seccomp_filter.rst.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache

from host.sandbox.seccomp.rules import Answer, Check

ACTION = 0xFFFF0000
I386 = 0x40000003


class BadProgramError(Exception):
    """The kernel would not take the program."""


@lru_cache
def _read(program: bytes) -> list[tuple[int, int, int, int]]:
    return list(struct.iter_unpack("=HBBI", program))


def check(program: bytes) -> None:
    """Refuses what the kernel's checker refuses: unknown codes, jumps out of the program, an open end."""
    instructions = _read(program)
    if not 0 < len(instructions) <= 4096:
        raise BadProgramError("length")
    for at, (code, if_true, if_false, k) in enumerate(instructions):
        after = len(instructions) - at - 1
        if code not in (0x20, 0x54, 0x05, 0x15, 0x35, 0x06):
            raise BadProgramError(f"code {code:#x} at {at}")
        if code in (0x15, 0x35) and max(if_true, if_false) >= after:
            raise BadProgramError(f"jump out of the program at {at}")
        if code == 0x05 and k >= after:
            raise BadProgramError(f"long jump out of the program at {at}")
        if code == 0x20 and (k % 4 or k >= 64):
            raise BadProgramError(f"load of {k} at {at}")
    if instructions[-1][0] != 0x06:
        raise BadProgramError("open end")


def run(program: bytes, arch: int, number: int, arguments: Sequence[int] = ()) -> int:
    """The program's answer.

    Args:
        arch: As in `seccomp_data`, an AUDIT_ARCH.
        number: 32 bits; negative ones count as the kernel stores them.
        arguments: Up to six, the rest are 0.
    """
    values = [each & (2**64 - 1) for each in arguments] + [0] * (6 - len(arguments))
    data = struct.pack("<IIQ6Q", number & 0xFFFFFFFF, arch, 0, *values)
    at, a = 0, 0
    instructions = _read(program)
    while True:
        code, if_true, if_false, k = instructions[at]
        at += 1
        match code:
            case 0x20:
                (a,) = struct.unpack_from("<I", data, k)
            case 0x54:
                a &= k
            case 0x05:
                at += k
            case 0x15:
                at += if_true if a == k else if_false
            case 0x35:
                at += if_true if a >= k else if_false
            case 0x06:
                return int(k)


def run_all(programs: Sequence[bytes], arch: int, number: int, arguments: Sequence[int] = ()) -> int:
    """What the kernel does when all *programs* are installed: the smallest action, as a signed number."""
    answers = [run(each, arch, number, arguments) for each in programs]
    return min(answers, key=lambda answer: (answer & ACTION) - (2**32 if answer & 0x80000000 else 0))


def by_hand(answer: Answer, arguments: Sequence[int]) -> int:
    """What a rule means, in Python."""
    if isinstance(answer, int):
        return answer
    if any(all(_holds(t, arguments) for t in case) for case in answer.cases):
        return answer.then
    return by_hand(answer.otherwise, arguments)


def _holds(test: Check, arguments: Sequence[int]) -> bool:
    value = arguments[test.argument]
    if test.wide:
        return value in test.values
    return (value & 0xFFFFFFFF & test.mask) in test.values
