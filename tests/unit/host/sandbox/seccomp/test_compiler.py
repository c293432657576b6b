from __future__ import annotations

import errno

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.sandbox.seccomp.compiler import ProgramTooLongError, compile_program
from host.sandbox.seccomp.rules import ABSENT, ALLOW, KILL, NOTIFY, REFUSE, Check, Rule, fail
from host.sandbox.seccomp.syscalls import AARCH64, AUDIT_ARCH, X32_BIT, X86_64, UnknownArchError, numbers
from tests.unit.host.sandbox.seccomp.simulate import I386, by_hand, check, run

ARCHES = [X86_64, AARCH64]

words = st.one_of(st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 2, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF]))
longs = st.one_of(words, st.integers(0, 2**64 - 1), words.map(lambda low: low | 1 << 32))
# Masks with few bits and values among them, so that tests are true often enough to matter.
narrow = st.builds(
    lambda argument, mask, values: Check(argument, tuple(v & mask for v in values), mask=mask),
    st.integers(0, 5),
    st.sampled_from([0xFFFFFFFF, 0xF, 0x10000, 0x3]),
    st.lists(words, min_size=1, max_size=5, unique=True),
)
wide = st.builds(lambda argument, value: Check(argument, (value,), wide=True), st.integers(0, 5), longs)
rules = st.builds(
    Rule,
    st.lists(st.lists(st.one_of(narrow, wide), max_size=3).map(tuple), max_size=3).map(tuple),
    st.sampled_from([REFUSE, KILL, fail(errno.EACCES)]),
)
answers = st.one_of(st.sampled_from([ALLOW, KILL, REFUSE, NOTIFY]), rules)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ARCHES), st.data())
def test_a_program_means_what_its_answers_say(arch, data):
    table = numbers(arch)
    chosen = data.draw(st.dictionaries(st.sampled_from(sorted(table)), answers, max_size=40))
    program = compile_program(arch, chosen, unlisted=REFUSE, unknown=ABSENT, foreign=KILL)
    check(program)
    arguments = data.draw(st.lists(longs, min_size=6, max_size=6))
    for name, number in table.items():
        assert run(program, AUDIT_ARCH[arch], number, arguments) == by_hand(
            chosen.get(name, REFUSE), arguments
        ), name


@settings(max_examples=200, deadline=None)
@given(rules, st.data())
def test_a_rule_holds_for_arguments_made_to_meet_it_and_for_any_others(rule, data):
    program = compile_program(X86_64, {"read": rule}, unlisted=REFUSE, unknown=ABSENT, foreign=KILL)
    arguments = data.draw(st.lists(longs, min_size=6, max_size=6))
    if rule.cases:  # meet one case, as far as its tests do not contradict each other
        for test in data.draw(st.sampled_from(rule.cases)):
            value = data.draw(st.sampled_from(test.values))
            hidden = 0 if test.wide else data.draw(longs) & ~test.mask
            arguments[test.argument] = value | hidden
    assert run(program, AUDIT_ARCH[X86_64], 0, arguments) == by_hand(rule, arguments)


@pytest.mark.parametrize("arch", ARCHES)
def test_numbers_without_a_name_are_absent_and_never_allowed(arch):
    program = compile_program(arch, dict.fromkeys(numbers(arch), ALLOW), unlisted=KILL, foreign=KILL)
    named = set(numbers(arch).values())
    for number in [n for n in range(1024) if n not in named] + [X32_BIT - 1]:
        assert run(program, AUDIT_ARCH[arch], number) == ABSENT
    assert run(program, AUDIT_ARCH[arch], -1) == ABSENT


@pytest.mark.parametrize("arch", ARCHES)
def test_other_abis_get_the_answer_for_foreigners_whatever_the_number(arch):
    program = compile_program(arch, dict.fromkeys(numbers(arch), ALLOW), unlisted=ALLOW, foreign=KILL)
    others = {I386, 0x40000028, 0xC00000F3, *AUDIT_ARCH.values()} - {AUDIT_ARCH[arch]}
    for other in others:
        for number in range(512):
            assert run(program, other, number) == KILL
    if arch == X86_64:
        for number in range(X32_BIT, X32_BIT + 600):
            assert run(program, AUDIT_ARCH[arch], number) == KILL


def test_the_longest_program_of_all_distinct_rules_still_jumps_right():
    """Subtrees longer than a jump reaches: each call has a rule of its own, of some thirty instructions."""
    table = numbers(X86_64)
    chosen = {
        name: Rule(((Check(0, tuple(range(number, number + 5))),),), otherwise=fail(number % 4000))
        for name, number in table.items()
    }
    program = compile_program(X86_64, chosen, unlisted=KILL, foreign=KILL)
    check(program)
    assert len(program) // 8 > 3000
    for number in table.values():
        assert run(program, AUDIT_ARCH[X86_64], number, [number + 4]) == ALLOW
        assert run(program, AUDIT_ARCH[X86_64], number, [number + 5]) == fail(number % 4000)


def test_what_the_kernel_would_not_take_is_refused_when_it_is_compiled():
    long_rule = Rule(((Check(0, tuple(range(100))),),))
    with pytest.raises(ProgramTooLongError, match="4096"):
        compile_program(
            X86_64, dict.fromkeys(list(numbers(X86_64))[::2], long_rule), unlisted=KILL, foreign=KILL
        )
    with pytest.raises(ProgramTooLongError, match="255"):
        compile_program(
            X86_64, {"read": Rule(((Check(0, tuple(range(300))),),))}, unlisted=KILL, foreign=KILL
        )
    with pytest.raises(UnknownArchError, match="mips"):
        compile_program("mips", {}, unlisted=KILL, foreign=KILL)
