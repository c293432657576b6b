"""From a manifest to a LaunchSpec: which program, in which environment, under which limits.

This version holds a plugin by its process alone: a session of its own, a minimal environment, no new
privileges, kernel limits, death with the host. `LAYERS` says so wherever a plugin's isolation is shown.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from host.process.spec import LaunchSpec, ResourceLimits
from host.sandbox.policy import SandboxPolicy
from plugin_sdk.contract.manifest import Limits, Manifest

LAYERS = {
    "process": "active: own session, no new privileges, killed with the host, minimal environment",
    "rlimits": "active: memory (private writable), address space, open files, file size, no core dumps",
    "namespaces": "inactive: not in this version",
    "landlock": "inactive: not in this version",
    "seccomp": "inactive: not in this version",
    "cgroup": "inactive: not in this version",
}
TIER = "none"

# Programs of the plugin's own (`command`) are looked for here and in the plugin's folder, nowhere else.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def launch_spec(manifest: Manifest, folder: Path, scratch: Path, policy: SandboxPolicy) -> LaunchSpec:
    """How to start a plugin.

    Args:
        folder: The plugin's own; it becomes the working directory.
        scratch: Its private writable folder; HOME and TMPDIR point to it.
    """
    limits = policy.grant(manifest.limits)
    if manifest.command is not None:
        argv = manifest.command
    else:
        assert manifest.entry is not None
        runner = ("-m", "plugin_sdk.runner", "--entry", manifest.entry, "--folder", str(folder))
        argv = (sys.executable, "-I", "-B", *runner)  # -B: nothing is written into the plugin's folder
    return LaunchSpec(
        name=manifest.name,
        argv=argv,
        cwd=str(folder),
        env=environment(limits, scratch),
        limits=ResourceLimits(
            data_bytes=limits.memory_bytes,
            address_space_bytes=limits.memory_bytes + policy.address_space_backstop,
            open_files=policy.open_files,
            file_bytes=min(policy.file_bytes, limits.scratch_bytes),
        ),
        nice=policy.nice,
        layers=dict(LAYERS),
    )


def environment(limits: Limits, scratch: Path) -> dict[str, str]:
    """Every variable a plugin sees. Nothing of the host's own environment is among them.

    The thread counts are for the libraries that would otherwise start one thread a core each, with 8 MB of
    stack that count against the memory cap.
    """
    threads = str(max(1, min(limits.threads, os.cpu_count() or 1)))
    return {
        "PATH": _PATH,
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "OPENBLAS_NUM_THREADS": threads,
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "NUMEXPR_NUM_THREADS": threads,
        "LOKY_MAX_CPU_COUNT": threads,
    }
