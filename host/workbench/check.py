"""The conformance kit on the plugin of a folder: its manifest, then its processes in the real sandbox."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from host.errors import ConfigError
from host.sandbox.policy import SandboxPolicy
from host.supervisor.folder import RefusedFolder, look
from host.workbench.bench import Workbench
from host.workbench.verify import verify
from plugin_sdk.contract.manifest import Manifest
from plugin_sdk.testing.channel import Channel
from plugin_sdk.testing.conformance import Kit, Outcome, Report, run_checks
from plugin_sdk.testing.session import Identity

Told = Callable[[Outcome], None]
Wrap = Callable[[Channel], Channel]


@dataclass(frozen=True)
class CheckOptions:
    """How thoroughly.

    Attributes:
        calls: Of the memory check.
        seconds: The longest that may take.
        data: Where environments of plugins with packages of their own are kept.
    """

    calls: int = 10_000
    seconds: float = 30.0
    data: Path | None = None


def read_folder(folder: Path) -> Manifest | str:
    """The manifest of a plugin's folder, or why it cannot be used.

    Raises:
        ConfigError: There is no such folder.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder; give the one that plugin.toml is in")
    found = look(folder)
    if found is None:
        return f"{folder} has no plugin.toml; `engine-ops plugin new NAME` makes a folder that has one"
    if isinstance(found, RefusedFolder):
        return found.why
    return found.manifest


def identity(manifest: Manifest, policy: SandboxPolicy) -> Identity:
    """Whom the plugin is told that it is; its limits as this machine grants them."""
    return Identity(
        manifest.name, manifest.version, manifest.handles, manifest.config, policy.grant(manifest.limits)
    )


def check_folder(
    folder: Path,
    policy: SandboxPolicy,
    options: CheckOptions,
    told: Told = lambda _: None,
    wrap: Wrap = lambda channel: channel,
) -> Report:
    """Everything the kit finds.

    Args:
        told: Called with each outcome as soon as it is there.
        wrap: Put around each channel, such as one that records.

    Raises:
        ConfigError: There is no such folder.
        RefusedError: This machine does not hold plugins as the policy wants it.
    """
    began = time.monotonic()
    about = "plugin.toml is one a host can use."
    found = read_folder(folder)
    if isinstance(found, str):
        outcome = Outcome("manifest", about, "failed", 0.0, found, remedy="see docs/reference/manifest.md")
        told(outcome)
        return Report(folder.resolve().name, "not started", [outcome])
    outcomes = [Outcome("manifest", about, "passed", round(time.monotonic() - began, 3), found.by)]
    told(outcomes[0])
    with Workbench(found, folder, policy, data=options.data) as bench:
        kit = Kit(
            identity(found, policy),
            lambda: wrap(bench.start()),
            verify=verify,
            calls=options.calls,
            seconds=options.seconds,
        )
        for outcome in run_checks(kit):
            outcomes.append(outcome)
            told(outcome)
        return Report(found.by, bench.isolation, outcomes)
