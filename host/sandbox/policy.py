"""The host's ceiling: whatever a manifest asks for, a plugin gets at most this; and how weak a sandbox may be."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from host.sandbox.machine import TIERS
from plugin_sdk.contract.decode import show
from plugin_sdk.contract.manifest import Limits

MIB = 1024**2
GIB = 1024**3
ISOLATION = ("require", "best-effort", "off")


@dataclass(frozen=True)
class SandboxPolicy:
    """Ceilings and the limits that manifests do not set.

    Attributes:
        isolation: `require`: no plugin is started where `min_tier` is not reached. `best-effort`: with whatever
            layers there are. `off`: by its process and limits alone.
        min_tier: See `host.sandbox.machine`.
        address_space_backstop: Bytes mapped at most, on top of the memory cap (see ResourceLimits).
        open_files, file_bytes, tasks: For every plugin. Tasks are processes and threads.
        scratch_inodes, shm_bytes: Of its private folder, and of its /dev/shm.
        nice: Added to its priority number, so that the host's loop is served first.
    """

    memory_bytes: int = 4 * GIB
    cpu_cores: float = 4.0
    threads: int = 8
    scratch_bytes: int = GIB
    start_timeout_s: float = 120.0
    call_timeout_s: float = 300.0
    train_timeout_s: float = 3600.0
    address_space_backstop: int = 16 * GIB
    open_files: int = 256
    file_bytes: int = 64 * MIB
    tasks: int = 64
    scratch_inodes: int = 4096
    shm_bytes: int = 8 * MIB
    nice: int = 10
    isolation: str = "require"
    min_tier: str = "A"

    def __post_init__(self) -> None:
        for name, known in (("isolation", ISOLATION), ("min_tier", TIERS)):
            value = getattr(self, name)
            if value not in known:
                raise ValueError(f"{name} is {show(value)}; give one of {', '.join(known)}")

    def grant(self, asked: Limits) -> Limits:
        """The limits a plugin gets: what it asked for, cut at the ceiling."""
        granted = {name: min(getattr(asked, name), getattr(self, name)) for name in Limits.__struct_fields__}
        return msgspec.structs.replace(asked, **granted)
