"""What a filter may answer to a call, and when: values only, the compiler makes code of them.

A filter sees the call's number and its six arguments as numbers; it cannot follow a pointer. So a rule looks at
flags and commands, and a call whose meaning hides behind a pointer (clone3, openat2) is refused as a whole.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Final

# linux/seccomp.h, SECCOMP_RET_*. With several filters the kernel obeys the smallest of their answers, taken as
# a signed number: KILL_PROCESS before ERRNO before USER_NOTIF before ALLOW.
ALLOW: Final = 0x7FFF0000
KILL: Final = 0x80000000
NOTIFY: Final = 0x7FC00000
_ERRNO: Final = 0x00050000

WORD: Final = 0xFFFFFFFF


def fail(number: int) -> int:
    """The answer "the call fails with errno *number*"."""
    return _ERRNO | number


REFUSE: Final = fail(errno.EPERM)
# The call is not made, and whoever made it is told that it went well.
PRETEND: Final = fail(0)
# What a kernel without the call would say: libc then goes on with an older one.
ABSENT: Final = fail(errno.ENOSYS)


@dataclass(frozen=True)
class Check:
    """One look at one argument: holds when `argument & mask` is among *values*.

    Attributes:
        argument: 0 to 5.
        values: Any of them will do.
        mask: Of the low 32 bits; what it hides is not looked at.
        wide: Look at all 64 bits, for pointers; without it the high half is ignored, as the kernel ignores it
            in an argument it declares as int.
    """

    argument: int
    values: tuple[int, ...]
    mask: int = WORD
    wide: bool = False


@dataclass(frozen=True)
class Rule:
    """*then* when all checks of any one of *cases* hold, else *otherwise*; no cases at all is never."""

    cases: tuple[tuple[Check, ...], ...]
    otherwise: int | Rule = REFUSE
    then: int = ALLOW


Answer = int | Rule
