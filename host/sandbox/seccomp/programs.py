"""The finished programs, one of each kind for a profile and an architecture, made once.

Two are installed. The **alarm** program comes first: it sends the few calls of `profiles.ALARM` to its listener,
and nothing else happens in it, so that the child can still give the listener's descriptor away. Then comes the
**main** program, the allow-list, which lets those calls through to the alarm. Where the kernel has no listeners, or
nobody to read from one, the profile says so and the main program kills instead.
"""

from __future__ import annotations

from functools import cache

from host.sandbox.seccomp.compiler import compile_program
from host.sandbox.seccomp.profiles import SeccompProfile, alarm_answers, main_answers
from host.sandbox.seccomp.rules import ABSENT, ALLOW, KILL, NOTIFY, REFUSE


@cache
def build(profile: SeccompProfile, arch: str, *, alarm: bool) -> bytes:
    """A program for `install.install`.

    Args:
        arch: `syscalls.this_arch()` of the machine it is to run on.
        alarm: The alarm program, to be installed first; else the main one. A profile without a listener has no
            alarm program.

    Raises:
        UnknownArchError: The sandbox has no table for *arch*.
        ValueError: The alarm program of a profile without a listener was asked for.
    """
    if not alarm:
        return compile_program(arch, main_answers(profile), unlisted=REFUSE, unknown=ABSENT, foreign=KILL)
    if not profile.listener:
        raise ValueError("the profile says that nobody listens; install its main program alone")
    # Another ABI is the main program's to kill; its numbers mean other calls here.
    return compile_program(arch, alarm_answers(profile, NOTIFY), unlisted=ALLOW, unknown=ALLOW, foreign=ALLOW)
