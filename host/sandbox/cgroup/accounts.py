"""From the kernel's account files to a `GroupUsage`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from host.process.group import GroupUsage
from host.sandbox.cgroup.settings import CPU, CPUACCT, MEMORY, PIDS

# What is read, as controller and file; files that a kernel lacks are left out by the reader.
FILES: dict[int, dict[str, tuple[str, str]]] = {
    1: {
        "now": (MEMORY, "memory.usage_in_bytes"),
        "peak": (MEMORY, "memory.max_usage_in_bytes"),
        "events": (MEMORY, "memory.oom_control"),
        "cpu": (CPUACCT, "cpuacct.usage"),
        "tasks": (PIDS, "pids.current"),
    },
    2: {
        "now": (MEMORY, "memory.current"),
        "peak": (MEMORY, "memory.peak"),  # since Linux 5.19
        "events": (MEMORY, "memory.events"),
        "cpu": (CPU, "cpu.stat"),
        "tasks": (PIDS, "pids.current"),
    },
}


def parse_usage(version: Literal[1, 2], texts: Mapping[str, str]) -> GroupUsage:
    """The usage that *texts*, keyed as `FILES`, tell of."""
    cpu_s: float | None = None
    if "cpu" in texts:
        cpu_s = int(texts["cpu"]) / 1e9 if version == 1 else _flat(texts["cpu"]).get("usage_usec", 0) / 1e6
    return GroupUsage(
        memory_bytes=int(texts["now"]),
        peak_bytes=int(texts["peak"]) if "peak" in texts else None,
        cpu_s=cpu_s,
        tasks=int(texts["tasks"]) if "tasks" in texts else None,
        oom_kills=_flat(texts.get("events", "")).get("oom_kill", 0),
    )


def _flat(text: str) -> dict[str, int]:
    """A file of `name number` lines."""
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}
