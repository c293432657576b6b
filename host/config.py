"""All settings of a host, gathered; each room's own dataclass says what it means and why it has its default."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from host.engine.config import EngineConfig
from host.errors import ConfigError
from host.registry.entry import Settings
from host.rpc.breaker import BreakerPolicy
from host.rpc.limits import ClientLimits
from host.sandbox.environments.installers import EnvironmentPolicy
from host.sandbox.policy import SandboxPolicy
from host.supervisor.config import KeepingConfig
from host.supervisor.restart import RestartPolicy
from host.supervisor.supervisor import SupervisorConfig
from host.workload.config import HistoryConfig
from host.workload.teacher import TeacherConfig
from plugin_sdk.contract.decode import ProblemError, show
from plugin_sdk.contract.limits import Limits
from plugin_sdk.contract.problems.request import unknown_member

_BEYOND = 2**60  # no setting is as large; the kernel's limits and the loop's timers take nothing above
_MAY_BE_ZERO = frozenset(
    {
        "queued",
        "nice",
        "base_s",
        "cap_s",
        "growth",
        "retry_s",
        "points",
        "grace_s",
        "still_s",
        "drain_s",
        "stop_gap_s",
        "fair_s",
        "max_age_s",
        "commit_ms",
        "queued_requests",
        "lines_bytes",
        "cache_entries",
        "guard_lambda",
        "reserve_share",
        "settle_s",
    }
)
_WORDS = {bool: "true or false", int: "an integer", dict: "a table"}


@dataclass(frozen=True)
class ServeOptions:
    """What the command line says.

    Attributes:
        plugins: The directory of plugin folders; must exist.
        data: Where the host keeps what it writes; a temporary folder when `None`.
        port: 0 takes a free one.
        json: One line of JSON on stdout when it listens, instead of a sentence on stderr.
    """

    plugins: Path
    data: Path | None = None
    bind: str = "127.0.0.1"
    port: int = 3000
    config: Path | None = None
    allow_weak_sandbox: bool = False
    json: bool = False
    log_level: str = "info"


@dataclass(frozen=True)
class HostConfig:
    """Every room's settings."""

    sandbox: SandboxPolicy = field(default_factory=SandboxPolicy)
    environments: EnvironmentPolicy = field(default_factory=EnvironmentPolicy)
    restarts: RestartPolicy = field(default_factory=RestartPolicy)
    calls: ClientLimits = field(default_factory=ClientLimits)
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    keeping: KeepingConfig = field(default_factory=KeepingConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    history: HistoryConfig = field(default_factory=HistoryConfig)
    teaching: TeacherConfig = field(default_factory=TeacherConfig)
    plugins: dict[str, Settings] = field(default_factory=dict)

    def supervisor(self) -> SupervisorConfig:
        """The supervisor's part."""
        return SupervisorConfig(
            policy=self.sandbox,
            environments=self.environments,
            restarts=self.restarts,
            client=self.calls,
            breaker=self.breaker,
            keeping=self.keeping,
            settings=dict(self.plugins),
        )


def load_config(path: Path | None) -> HostConfig:
    """The settings in a TOML file: a table a room (`[sandbox]`, `[environments]`, `[restarts]`, `[calls]`, `[breaker]`,
    `[keeping]`, `[engine]`, `[history]`, `[teaching]`), and `[plugins.NAME]` with enabled, priority, config and limits.

    Raises:
        ConfigError: The file cannot be read, or a key or value in it cannot be used.
    """
    if path is None:
        return HostConfig()
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"the configuration {path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:  # not UTF-8, not TOML, a number without end, too deep
        raise ConfigError(f"the configuration {path} is not TOML: {error}") from error
    rooms = {each.name: each.default_factory for each in fields(HostConfig) if each.name != "plugins"}
    given: dict[str, Any] = {}
    for name, table in tables.items():
        if name == "plugins":
            given["plugins"] = {
                plugin: _settings(path, plugin, each) for plugin, each in _table(path, name, table).items()
            }
        elif name in rooms:
            given[name] = _room(path, name, rooms[name], _table(path, name, table))
        else:
            raise ConfigError(
                f"{path}: [{name}] is not known; give {unknown_member(name, {*rooms, 'plugins'})}"
            )
    return HostConfig(**given)


def _table(path: Path, name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: {name} is {show(value)}; give a table: [{name}]")
    return value


def _room(path: Path, name: str, factory: Any, table: dict[str, Any]) -> Any:
    base = factory()
    known = {each.name for each in fields(base)}
    for key, value in table.items():
        if key not in known:
            raise ConfigError(f"{path}: {name}.{key} is not known; give {unknown_member(key, known)}")
        default = getattr(base, key)
        if isinstance(default, str):
            # Which texts there are to choose from, the room itself says.
            if not isinstance(value, str) or not value.isprintable():
                such_as = f", such as {show(default)}" if default else ""
                raise ConfigError(f"{path}: {name}.{key} is {show(value)}; give printable text{such_as}")
            continue
        number = isinstance(value, int | float) and not isinstance(value, bool)
        least = "of 0 or more" if key in _MAY_BE_ZERO else "above 0"
        good = number and 0 <= value < _BEYOND and (value > 0 or key in _MAY_BE_ZERO)
        if not good or (isinstance(default, int) and not isinstance(value, int)):
            kind = "an integer" if isinstance(default, int) else "a number"
            raise ConfigError(
                f"{path}: {name}.{key} is {show(value)}; give {kind} {least}, such as {default}"
            )
    try:
        return replace(base, **table)
    except ValueError as error:
        raise ConfigError(f"{path}: {name}.{error}") from error


def _settings(path: Path, plugin: str, table: object) -> Settings:
    given = _table(path, f"plugins.{plugin}", table)
    kinds: dict[str, type] = {"enabled": bool, "priority": int, "config": dict, "limits": dict}
    for key, value in given.items():
        if key not in kinds:
            raise ConfigError(
                f"{path}: plugins.{plugin}.{key} is not known; give {unknown_member(key, set(kinds))}"
            )
        if type(value) is not kinds[key]:
            raise ConfigError(f"{path}: plugins.{plugin}.{key} is {show(value)}; give {_WORDS[kinds[key]]}")
    settings = Settings(**given)
    try:
        settings.limits_over(Limits())
    except ProblemError as error:
        raise ConfigError(f"{path}: plugins.{plugin}.{error}") from error
    return settings
