"""Whether a child is held as ordered, by the kernel's own account of it.

Namespaces are looked at when the child has just been made: it can leave none of them later, since the filter that it
will have by then forbids the calls. The rest is looked at when it says that it is confined, before its first line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from host.process.launcher import NotHeldError
from host.sandbox.kernel import libc

_OF_FLAG = {
    libc.CLONE_NEWUSER: "user",
    libc.CLONE_NEWPID: "pid",
    libc.CLONE_NEWNS: "mnt",
    libc.CLONE_NEWNET: "net",
    libc.CLONE_NEWIPC: "ipc",
    libc.CLONE_NEWUTS: "uts",
    libc.CLONE_NEWCGROUP: "cgroup",
}
_CAPABILITY_SETS = ("CapInh", "CapPrm", "CapEff", "CapAmb")
_LIMIT = re.compile(r"(Max .+?)\s{2,}(\S+)\s+(\S+)")
_LIMIT_NAMES = {
    "Max address space": "RLIMIT_AS",
    "Max core file size": "RLIMIT_CORE",
    "Max cpu time": "RLIMIT_CPU",
    "Max data size": "RLIMIT_DATA",
    "Max file size": "RLIMIT_FSIZE",
    "Max locked memory": "RLIMIT_MEMLOCK",
    "Max msgqueue size": "RLIMIT_MSGQUEUE",
    "Max nice priority": "RLIMIT_NICE",
    "Max open files": "RLIMIT_NOFILE",
    "Max pending signals": "RLIMIT_SIGPENDING",
    "Max processes": "RLIMIT_NPROC",
    "Max realtime priority": "RLIMIT_RTPRIO",
    "Max realtime timeout": "RLIMIT_RTTIME",
    "Max resident set": "RLIMIT_RSS",
    "Max stack size": "RLIMIT_STACK",
}
_STATUS_BYTES = 8192


class KernelsWitness:
    """Satisfies `Witness`. Reads /proc as this process sees it."""

    def __init__(self) -> None:
        self._own = {name: str(Path(f"/proc/self/ns/{name}").readlink()) for name in _OF_FLAG.values()}
        own = read_status(Path("/proc/self/status").read_bytes())
        # A container's, which lie on us and so on plugins.
        self._inherited = int(own.get("Seccomp_filters", 0))

    def at_clone(self, pid: int, plan: Mapping[str, Any]) -> None:
        """Raises `NotHeldError` unless each namespace of the plan is one of its own."""
        for flag, name in _OF_FLAG.items():
            if plan["flags"] & flag and str(Path(f"/proc/{pid}/ns/{name}").readlink()) == self._own[name]:
                raise NotHeldError(f"it is in the host's {name} namespace")

    def before_run(self, pid: int, uid: int, plan: Mapping[str, Any]) -> None:
        """Raises `NotHeldError` on the first thing that is not as planned."""
        with open(f"/proc/{pid}/status", "rb", buffering=0) as file:  # noqa: PTH123 - 40 us less than pathlib
            status = read_status(file.read(_STATUS_BYTES))
        for wrong in differences(status, uid, plan, self._inherited):
            raise NotHeldError(wrong)
        # Not prlimit(2): to look at another user's takes a capability that root may lack in a container.
        limits = read_limits(Path(f"/proc/{pid}/limits").read_text())
        for name, value in plan["limits"].items():
            soft, hard = limits.get(name, (math.inf, math.inf))
            if max(soft, hard) > value:
                raise NotHeldError(f"its {name} is {soft} and {hard}, ordered is {value}")


def read_status(text: bytes) -> dict[str, str]:
    """/proc/PID/status as a mapping."""
    pairs = (line.partition(":") for line in text.decode(errors="replace").splitlines())
    return {name: value.strip() for name, _, value in pairs}


def read_limits(text: str) -> dict[str, tuple[float, float]]:
    """/proc/PID/limits as soft and hard limits by their names in `resource`."""
    found = (_LIMIT.match(line) for line in text.splitlines())
    return {
        _LIMIT_NAMES[match[1]]: (_amount(match[2]), _amount(match[3]))
        for match in found
        if match is not None and match[1] in _LIMIT_NAMES
    }


def _amount(text: str) -> float:
    return math.inf if text == "unlimited" else int(text)


def differences(
    status: Mapping[str, str], uid: int, plan: Mapping[str, Any], inherited_filters: int = 0
) -> list[str]:
    """What in /proc/PID/status is not as planned; empty when all is.

    Args:
        uid: Of whoever said that it is confined, as the kernel tells it.
        inherited_filters: Programs of seccomp that this process has itself.
    """
    expected: dict[str, str] = {"NoNewPrivs": "1"}
    expected |= dict.fromkeys(_CAPABILITY_SETS, "0" * 16)
    if plan["bounding"]:
        expected["CapBnd"] = "0" * 16
    if plan["seccomp"]:
        expected["Seccomp"] = "2"
        expected["Seccomp_filters"] = str(inherited_filters + (2 if plan["seccomp"].get("alarm") else 1))
    wrong = [
        f"its {name} is {status.get(name)}, ordered is {value}"
        for name, value in expected.items()
        # Kernels before 5.10 do not count the filters.
        if status.get(name) != value and not (name == "Seccomp_filters" and name not in status)
    ]
    numbers = status.get("NSpid", "").split()
    if plan["own_pids"] and (len(numbers) < 2 or int(numbers[-1]) > 2):
        wrong.append(f"its numbers are {numbers}, ordered is a pid namespace of its own")
    wanted = plan["outside_uid"]
    seen = status.get("Uid", "").split()
    if wanted is not None and (uid != wanted or seen != [str(wanted)] * 4):
        wrong.append(f"its user is {seen}, ordered is {wanted}")
    return wrong
