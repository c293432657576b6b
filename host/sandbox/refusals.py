"""Why a plugin is not started at all: what this machine cannot hold, or what the plugin itself could not reach."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from host.sandbox.machine import Machine, at_least
from host.sandbox.policy import SandboxPolicy
from plugin_sdk.contract.manifest import Manifest

_SHELLS = frozenset({"sh", "ash", "bash", "dash", "ksh", "zsh", "fish"})


class RefusedError(Exception):
    """This plugin cannot be held as the policy wants it on this machine; says which setting accepts it."""


def check(policy: SandboxPolicy, machine: Machine, manifest: Manifest, folder: Path) -> None:
    """Raises `RefusedError` when the plugin in *folder* must not, or cannot, be started here."""
    if machine.drops_ids:
        _check_readable(folder)
    if policy.isolation != "require":
        return
    if not at_least(machine.tier, policy.min_tier):
        lacking = "; ".join(f"{name}: {why}" for name, why in machine.why.items())
        raise RefusedError(
            f"this machine reaches tier {machine.tier}, the policy wants {policy.min_tier} ({lacking}); "
            "`engine-ops doctor` says what would help, --allow-weak-sandbox accepts it as it is"
        )
    if machine.group is None and manifest.command is not None and _by_shell(manifest.command, folder):
        raise RefusedError(
            "it is run by a shell, which starts other programs, and only a cgroup holds the memory of them all "
            f"({machine.why.get('cgroup', 'there is none')}); give the host a cgroup it may write to, or "
            "accept it with --allow-weak-sandbox"
        )


def _check_readable(folder: Path) -> None:
    """Raises `RefusedError` when a plugin that runs as nobody could not read its own folder."""
    for path, needed in ((folder, stat.S_IROTH | stat.S_IXOTH), *((each, 0) for each in _entries(folder))):
        try:
            mode = path.stat().st_mode
        except OSError:
            continue  # it has gone meanwhile; if it was needed, the start will say so
        needed = needed or (stat.S_IROTH | stat.S_IXOTH if stat.S_ISDIR(mode) else stat.S_IROTH)
        if mode & needed != needed:
            raise RefusedError(
                f"{path} is closed to others (mode {stat.S_IMODE(mode):04o}), and plugins of a host that runs as root "
                f"run as nobody; open it with: chmod -R o+rX {folder}"
            )


def _entries(folder: Path) -> list[Path]:
    """What lies in it: files and folders that the plugin is made of."""
    try:
        return [each for each in folder.iterdir() if not each.name.startswith(".") and each.exists()]
    except OSError:
        return []


def _by_shell(command: tuple[str, ...], folder: Path) -> bool:
    """Whether a shell runs it: by its name, or by the first line of the file that it names."""
    named = [command[0]]
    with contextlib.suppress(OSError, ValueError):  # it is not there, or no name of a file
        first = _beginning(folder / command[0])
        if first.startswith(b"#!"):
            named += first[2:].partition(b"\n")[0].decode(errors="replace").split()[:2]
    return any(Path(each).name in _SHELLS for each in named)


def _beginning(path: Path) -> bytes:
    """Of a regular file; of anything else nothing, and without waiting for it: this is the host's own loop."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 256) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    finally:
        os.close(descriptor)
