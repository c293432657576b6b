"""What to run, and what it is held to: the one thing the sandbox hands to whoever starts processes."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ResourceLimits:
    """Kernel limits, set in the child before the program begins. `None` leaves one as it is.

    Attributes:
        data_bytes: Private writable memory (RLIMIT_DATA): the heap, anonymous maps and stacks. This is the cap
            that bites: an allocation over it fails inside the plugin.
        address_space_bytes: Everything that is mapped (RLIMIT_AS). Generous, because numpy's and V8's
            reservations count; it stops page tables and shared maps from growing without end.
        open_files, file_bytes, core_bytes: RLIMIT_NOFILE, RLIMIT_FSIZE (per file), RLIMIT_CORE.
    """

    data_bytes: int | None = None
    address_space_bytes: int | None = None
    open_files: int | None = None
    file_bytes: int | None = None
    core_bytes: int | None = 0


@dataclass(frozen=True)
class LaunchSpec:
    """A program to start.

    Attributes:
        name: For logs and reports.
        argv: The program and its arguments; `argv[0]` is a path, or a name found on the spec's own PATH.
        cwd: Absolute.
        env: The whole environment; nothing is inherited.
        layers: The isolation this spec asks for, by name, for status pages: what is truly held.
    """

    name: str
    argv: tuple[str, ...]
    cwd: str
    env: dict[str, str]
    limits: ResourceLimits = ResourceLimits()
    umask: int = 0o077
    nice: int = 0
    layers: dict[str, str] = field(default_factory=dict)
