"""Which canaries there are, and which layers stop each of them by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from host.sandbox.machine import Machine

_TCP_SINCE, _SIGNALS_SINCE = 4, 6  # versions of Landlock


@dataclass(frozen=True)
class Canary:
    """One row.

    Attributes:
        name: In `program.CANARIES`.
        what: The attempt, in a few words.
        stopped_by: Parts of the sandbox that stop it each alone; see `parts`.
        judged_outside: Whether it succeeded only the host can tell.
    """

    name: str
    what: str
    stopped_by: frozenset[str]
    judged_outside: bool = False


def _row(name: str, what: str, stopped_by: str, judged_outside: bool = False) -> Canary:
    return Canary(name, what, frozenset(stopped_by.split()), judged_outside)


CANARIES = (
    _row("read_secret", "read a file of the host's", "namespaces landlock"),
    _row("write_code", "change its own code", "namespaces landlock"),
    _row("connect", "connect to a socket of the host's", "namespaces landlock-tcp seccomp", True),
    _row("execute", "become another program", "seccomp"),
    _row("start_process", "start another process", "seccomp"),
    _row("kill_host", "kill a process of the host's", "namespaces landlock-signals seccomp ids", True),
    _row("take_memory", "take more memory than its cap", "rlimits cgroup"),
    _row("fill_disk", "write more than its folder may hold", "namespaces"),
)


def parts(machine: Machine) -> Iterator[str]:
    """The parts that stop something by themselves, as far as this machine has them."""
    yield "rlimits"
    if machine.namespaces != "none":
        yield "namespaces"
    if machine.landlock_abi:
        yield "landlock"
    if machine.landlock_abi >= _TCP_SINCE:
        yield "landlock-tcp"
    if machine.landlock_abi >= _SIGNALS_SINCE:
        yield "landlock-signals"
    if machine.seccomp:
        yield "seccomp"
    if machine.drops_ids:
        yield "ids"
    if machine.group is not None:
        yield "cgroup"
