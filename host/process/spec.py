"""What to run, and what it is held to: the one thing the sandbox hands to whoever starts processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from host.process.group import GroupLimits


@dataclass(frozen=True)
class ResourceLimits:
    """Kernel limits, set in the child before the program begins. `None` leaves one as it is.

    Attributes:
        data_bytes: Private writable memory (RLIMIT_DATA): the heap, anonymous maps and stacks. This is the cap
            that bites: an allocation over it fails inside the plugin.
        address_space_bytes: Everything that is mapped (RLIMIT_AS). Generous, because numpy's and V8's
            reservations count; it stops page tables and shared maps from growing without end.
        open_files, file_bytes: RLIMIT_NOFILE, RLIMIT_FSIZE (per file).
        core_bytes: RLIMIT_CORE. One byte is too little for any dump to be written, and at exactly that value
            nor is one piped: at 0 the kernel would still start the machine's crash handler, as root.
        tasks: RLIMIT_NPROC, processes and threads; only where it is counted for this program alone.
    """

    data_bytes: int | None = None
    address_space_bytes: int | None = None
    open_files: int | None = None
    file_bytes: int | None = None
    core_bytes: int | None = 1
    tasks: int | None = None


@dataclass(frozen=True)
class Confinement:
    """How a spawner's child gives up what it must not have; made by the sandbox, carried out by the child.

    Attributes:
        plan: The child's orders, JSON-able; see `host.sandbox.confine.sequence`.
        preload: Modules the child is to have loaded at its start: it is forked from a zygote with them, and runs
            the SDK's runner in process. Empty: it is exec'd.
        group: The limits of its group; `None` where no group can be made.
        watch_bytes: The watchdog's cap of memory; `None`: no watchdog is needed.
        watch_cores, watch_tasks: Its other caps; `None` where the kernel holds them.
        reusable: Others of the same kind are likely to be started: children are made ahead of them.
        let_exec: The first execve that raises the alarm is the sandbox's own.
    """

    plan: Mapping[str, Any]
    preload: tuple[str, ...] = ()
    group: GroupLimits | None = None
    watch_bytes: int | None = None
    watch_cores: float | None = None
    watch_tasks: int | None = None
    let_exec: bool = False
    reusable: bool = False


@dataclass(frozen=True)
class LaunchSpec:
    """A program to start.

    Attributes:
        name: For logs and reports.
        argv: The program and its arguments; `argv[0]` is a path, or a name found on the spec's own PATH.
        cwd: Absolute.
        env: The whole environment; nothing is inherited.
        layers: The isolation this spec asks for, by name, for status pages: what is truly held.
        tier: What those layers come to, in one word.
        memory_cap_bytes: Of the program and its children, for reports.
        confinement: `None` for a program that is held by its process alone.
    """

    name: str
    argv: tuple[str, ...]
    cwd: str
    env: dict[str, str]
    limits: ResourceLimits = ResourceLimits()
    umask: int = 0o077
    nice: int = 0
    layers: dict[str, str] = field(default_factory=dict)
    tier: str = "none"
    memory_cap_bytes: int | None = None
    confinement: Confinement | None = None
