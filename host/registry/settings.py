"""The operator's word on one plugin, and how a later word is laid over an earlier one.

What is `None`, or not named, is the manifest's. A change says only what it changes; in its tables a `None` takes a
key back to the manifest's, as in JSON Merge Patch (RFC 7396).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from plugin_sdk.contract.decode import ProblemError
from plugin_sdk.contract.limits import Limits, manifest_name, read_limits

PRIORITY_MOST = 1_000_000  # as a manifest's


class Settings(msgspec.Struct, rename="camel", omit_defaults=True):
    """What holds now. `limits` and `training` in a manifest's words; the host's policy is the ceiling of these too."""

    enabled: bool = True
    priority: int | None = None
    config: dict[str, Any] = {}
    limits: dict[str, Any] = {}
    training: dict[str, Any] = {}

    def take(self, change: SettingsChange) -> None:
        """Lays *change* over what holds."""
        if change.enabled is not UNSET:
            self.enabled = change.enabled
        if change.priority is not UNSET:
            self.priority = change.priority
        if change.config is not UNSET:
            self.config = _without_nulls({**self.config, **change.config})
        if change.limits is not UNSET:
            self.limits = _without_nulls({**self.limits, **change.limits})

    def limits_over(self, manifests: Limits) -> Limits:
        """The limits it is to have, before the host's ceiling.

        Raises:
            ProblemError: One of them cannot be used.
        """
        return read_limits(self.limits, manifests)


class SettingsChange(msgspec.Struct, omit_defaults=True):
    """What an operator says while the host runs; what is `UNSET` was not said."""

    enabled: bool | UnsetType = UNSET
    priority: int | UnsetType | None = UNSET
    config: dict[str, Any] | UnsetType = UNSET
    limits: dict[str, Any] | UnsetType = UNSET

    def then(self, later: SettingsChange) -> SettingsChange:
        """Both, as one change."""
        return SettingsChange(
            enabled=self.enabled if later.enabled is UNSET else later.enabled,
            priority=self.priority if later.priority is UNSET else later.priority,
            config=_both(self.config, later.config),
            limits=_both(self.limits, later.limits),
        )


def read_change(given: Mapping[str, Any]) -> SettingsChange:
    """The change in the parameters of `plugins.configure`, `name` left out.

    Limits may be named as in a manifest (`memory`, "512MiB") or as status pages show them (`memoryBytes`).

    Raises:
        ProblemError: The first member that cannot be used.
    """
    known = SettingsChange.__struct_fields__
    for name, value in given.items():
        if name not in known:
            raise ProblemError(name, value, f"only the members {', '.join(known)}")
    enabled, priority = given.get("enabled", UNSET), given.get("priority", UNSET)
    if enabled is not UNSET and type(enabled) is not bool:
        raise ProblemError("enabled", enabled, "true or false")
    if priority is not None and priority is not UNSET:
        _check_priority(priority)
    config, limits = given.get("config", UNSET), given.get("limits", UNSET)
    for name, table in (("config", config), ("limits", limits)):
        if table is not UNSET and not isinstance(table, dict):
            raise ProblemError(name, table, "an object; a null in it takes a key back to the manifest's")
    if limits is not UNSET:
        limits = {manifest_name(name): value for name, value in limits.items()}
        read_limits({name: value for name, value in limits.items() if value is not None}, Limits())
    return SettingsChange(enabled, priority, config, limits)


def _check_priority(value: Any) -> None:
    if type(value) is not int or abs(value) > PRIORITY_MOST:
        raise ProblemError("priority", value, "an integer; higher is asked first")


def _both(
    earlier: dict[str, Any] | UnsetType, later: dict[str, Any] | UnsetType
) -> dict[str, Any] | UnsetType:
    if earlier is UNSET or later is UNSET:
        return earlier if later is UNSET else later
    return {**earlier, **later}


def _without_nulls(table: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in table.items() if value is not None}
