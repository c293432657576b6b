"""Turns "call number -> answer" into a classic BPF program, as seccomp(2) takes it.

Theory of operation. The program checks the architecture, loads the call's number and finds its answer by binary
search over ranges of numbers with the same answer; a leaf is either one return or the tests of a rule, which end
in returns. Everything jumps forward. A conditional jump reaches 255 instructions; where a subtree is longer, an
unconditional one, whose reach is 32 bits, is put before it. Since the always-allowed calls depend on nothing but
the number, the kernel (5.11 on) finds that out itself and no longer runs the program for them.

Source: Linux, include/uapi/linux/{filter,bpf_common,seccomp}.h; McCanne & Jacobson, The BSD Packet Filter (1993).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from host.sandbox.seccomp.rules import ABSENT, WORD, Answer, Check, Rule
from host.sandbox.seccomp.syscalls import AUDIT_ARCH, X32_BIT, X86_64, numbers

LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
AND = 0x54  # BPF_ALU | BPF_AND | BPF_K
JUMP = 0x05  # BPF_JMP | BPF_JA
JUMP_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
JUMP_AT_LEAST = 0x35  # BPF_JMP | BPF_JGE | BPF_K
RETURN = 0x06  # BPF_RET | BPF_K

# struct seccomp_data: nr at 0, arch at 4, the instruction pointer at 8, then six arguments of 8 bytes.
AT_NUMBER = 0
AT_ARCH = 4
AT_ARGUMENTS = 16

MAX_INSTRUCTIONS = 4096  # BPF_MAXINSNS
_REACH = 255
_NO_CALL = WORD  # -1, which a tracer writes to skip a call and programs use to ask for ENOSYS


class Instruction(NamedTuple):
    """struct sock_filter."""

    code: int
    if_true: int
    if_false: int
    k: int


class ProgramTooLongError(Exception):
    """The rules do not fit into what the kernel or a jump can take."""


def compile_program(
    arch: str, answers: Mapping[str, Answer], *, unlisted: int, unknown: int = ABSENT, foreign: int
) -> bytes:
    """The program for *arch*: an array of struct sock_filter.

    Args:
        answers: By the names of calls; those *arch* does not have are passed over.
        unlisted: For calls that have a name but no answer here.
        unknown: For numbers without a name, which may be calls of younger kernels.
        foreign: For another ABI: another architecture (int 0x80), or x32 on x86_64.

    Raises:
        ProgramTooLongError: More than the kernel takes.
        UnknownArchError: No table for *arch*.
    """
    edges = _edges(arch, answers, unlisted=unlisted, unknown=unknown, foreign=foreign)
    program = [
        Instruction(LOAD, 0, 0, AT_ARCH),
        Instruction(JUMP_EQUAL, 1, 0, AUDIT_ARCH[arch]),
        Instruction(RETURN, 0, 0, foreign),
        Instruction(LOAD, 0, 0, AT_NUMBER),
        *_search(edges),
    ]
    if len(program) > MAX_INSTRUCTIONS:
        raise ProgramTooLongError(
            f"the filter has {len(program)} instructions, the kernel takes {MAX_INSTRUCTIONS}"
        )
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _edges(
    arch: str, answers: Mapping[str, Answer], *, unlisted: int, unknown: int, foreign: int
) -> list[tuple[int, Answer]]:
    """(first number, answer), ascending; each holds up to the next."""
    points: dict[int, Answer] = {0: unknown}
    for name, number in numbers(arch).items():
        points[number] = answers.get(name, unlisted)
        points.setdefault(number + 1, unknown)
    if arch == X86_64:
        points[X32_BIT] = foreign
    points[_NO_CALL] = ABSENT
    edges: list[tuple[int, Answer]] = []
    for number in sorted(points):
        if not edges or edges[-1][1] != points[number]:
            edges.append((number, points[number]))
    return edges


def _search(edges: Sequence[tuple[int, Answer]]) -> list[Instruction]:
    if len(edges) == 1:
        return _leaf(edges[0][1])
    middle = len(edges) // 2
    below, above = _search(edges[:middle]), _search(edges[middle:])
    first = edges[middle][0]
    if len(below) <= _REACH:
        return [Instruction(JUMP_AT_LEAST, len(below), 0, first), *below, *above]
    return [Instruction(JUMP_AT_LEAST, 0, 1, first), Instruction(JUMP, 0, 0, len(below)), *below, *above]


def _leaf(answer: Answer) -> list[Instruction]:
    if isinstance(answer, int):
        return [Instruction(RETURN, 0, 0, answer)]
    return _rule(answer)


def _rule(rule: Rule) -> list[Instruction]:
    """The cases in turn, each falling through to the next where a test fails."""
    program = _leaf(rule.otherwise)
    for case in reversed(rule.cases):  # from the back, since a jump counts what lies behind it
        body = [Instruction(RETURN, 0, 0, rule.then)]
        for test in reversed(case):
            body = _test(test, body)
        program = body + program
    if len(program) > _REACH:
        raise ProgramTooLongError(f"a rule takes {len(program)} instructions, a jump reaches {_REACH}")
    return program


def _test(test: Check, then: list[Instruction]) -> list[Instruction]:
    """The test before *then*; when it fails, it jumps to what comes after *then*."""
    at = AT_ARGUMENTS + 8 * test.argument  # little-endian: the low half first
    program = [Instruction(LOAD, 0, 0, at)]
    if test.mask != WORD:
        program.append(Instruction(AND, 0, 0, test.mask))
    for left, value in zip(range(len(test.values) - 1, -1, -1), test.values, strict=True):
        program.append(Instruction(JUMP_EQUAL, left, 0 if left else len(then), value & WORD))
    if not test.wide:
        return program + then
    (value,) = test.values
    both = program + then
    return [Instruction(LOAD, 0, 0, at + 4), Instruction(JUMP_EQUAL, 0, len(both), value >> 32), *both]
