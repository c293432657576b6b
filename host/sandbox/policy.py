"""The host's ceiling: whatever a manifest asks for, a plugin gets at most this."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from plugin_sdk.contract.manifest import Limits

GIB = 1024**3


@dataclass(frozen=True)
class SandboxPolicy:
    """Ceilings and the limits that manifests do not set.

    Attributes:
        address_space_backstop: Bytes mapped at most, on top of the memory cap (see ResourceLimits).
        open_files, file_bytes: For every plugin.
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
    file_bytes: int = 64 * 1024 * 1024
    nice: int = 10

    def grant(self, asked: Limits) -> Limits:
        """The limits a plugin gets: what it asked for, cut at the ceiling."""
        granted = {name: min(getattr(asked, name), getattr(self, name)) for name in Limits.__struct_fields__}
        return msgspec.structs.replace(asked, **granted)
