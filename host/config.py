"""All settings of a host, gathered; each room's own dataclass says what it means and why it has its default."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from host.engine.config import EngineConfig
from host.errors import ConfigError
from host.gateway.config import GatewayConfig
from host.registry.entry import Settings
from host.rpc.breaker import BreakerPolicy
from host.rpc.limits import ClientLimits
from host.rpc.recording import RecordingConfig
from host.sandbox.environments.installers import EnvironmentPolicy
from host.sandbox.policy import SandboxPolicy
from host.supervisor.config import KeepingConfig
from host.supervisor.restart import RestartPolicy
from host.supervisor.supervisor import SupervisorConfig
from host.telemetry.tracing import TracingConfig
from host.workload.config import HistoryConfig
from host.workload.teacher import TeacherConfig
from plugin_sdk.contract.decode import ProblemError, show
from plugin_sdk.contract.limits import Limits
from plugin_sdk.contract.problems.request import unknown_member
from plugin_sdk.contract.training import read_policy

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
        "stop_order_s",
        "fair_s",
        "max_age_s",
        "commit_ms",
        "requests_commit_ms",
        "queued_requests",
        "lines_bytes",
        "cache_entries",
        "guard_lambda",
        "refine_from_s",
        "reserve_share",
        "settle_s",
        "port",
        "rate_per_s",
    }
)
LEVELS = ("debug", "info", "warning", "error")
Where = Callable[[str, str], str]
_WORDS = {bool: "true or false", int: "an integer", dict: "a table"}


@dataclass(frozen=True, slots=True)
class ServeConfig:
    """How a host is started; each key is a flag of `engine-ops serve` too.

    Attributes:
        plugins: The directory of plugin folders; must exist.
        data: Where the host keeps what it writes; a temporary folder when empty.
        bind: The address that is listened on. Any but the loopback's asks for tokens, and for TLS.
        port: 0 takes a free one.
        tls_cert, tls_key: PEM files of the certificate chain and its key; both or neither.
        insecure_behind_proxy: Somebody in front speaks TLS, so that the host need not.
        allow_weak_sandbox: Starts plugins although the machine reaches less than `min_tier`.
        record: The file in which is recorded what is said to plugins and by them; nothing is when empty.
        log_level: The least that is logged.
    """

    plugins: str = "plugins"
    data: str = ""
    bind: str = "127.0.0.1"
    port: int = 3000
    tls_cert: str = ""
    tls_key: str = ""
    insecure_behind_proxy: bool = False
    allow_weak_sandbox: bool = False
    record: str = ""
    log_level: str = "info"

    def __post_init__(self) -> None:
        if self.log_level not in LEVELS:
            raise ValueError(f"log_level is {show(self.log_level)}; give one of {', '.join(LEVELS)}")
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port is {self.port}; give 0 (any free one) to 65535")
        if bool(self.tls_cert) != bool(self.tls_key):
            raise ValueError("tls_cert and tls_key belong together; give both, or neither")


@dataclass(frozen=True)
class HostConfig:
    """Every room's settings."""

    serve: ServeConfig = field(default_factory=ServeConfig)
    gateway: GatewayConfig = field(default_factory=GatewayConfig)
    tracing: TracingConfig = field(default_factory=TracingConfig)
    sandbox: SandboxPolicy = field(default_factory=SandboxPolicy)
    environments: EnvironmentPolicy = field(default_factory=EnvironmentPolicy)
    restarts: RestartPolicy = field(default_factory=RestartPolicy)
    calls: ClientLimits = field(default_factory=ClientLimits)
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    keeping: KeepingConfig = field(default_factory=KeepingConfig)
    recording: RecordingConfig = field(default_factory=RecordingConfig)
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
    """The settings in a TOML file alone: a table a room, and `[plugins.NAME]` with enabled, priority, config, limits and training.

    Raises:
        ConfigError: The file cannot be read, or a key or value in it cannot be used.
    """
    return HostConfig() if path is None else config_from(read_tables(path), lambda table, key: str(path))


def read_tables(path: Path) -> dict[str, Any]:
    """What stands in a TOML file.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"the configuration {path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:  # not UTF-8, not TOML, a number without end, too deep
        raise ConfigError(f"the configuration {path} is not TOML: {error}") from error


def room_defaults() -> dict[str, Any]:
    """Every room's settings as they are without any, by the name of its table."""
    return {
        each.name: getattr(HostConfig(), each.name) for each in fields(HostConfig) if each.name != "plugins"
    }


def config_from(tables: Mapping[str, Any], where: Where) -> HostConfig:
    """The settings in *tables*.

    Args:
        where: Says where a key of a table was set, for messages.

    Raises:
        ConfigError: A table, key or value cannot be used.
    """
    rooms = room_defaults()
    given: dict[str, Any] = {}
    for name, table in tables.items():
        if name == "plugins":
            said = where(name, "")
            given["plugins"] = {
                plugin: _settings(said, plugin, each) for plugin, each in _table(said, name, table).items()
            }
        elif name in rooms:
            given[name] = _room(where, name, rooms[name], _table(where(name, ""), name, table))
        else:
            raise ConfigError(
                f"{where(name, '')}: [{name}] is not known; give {unknown_member(name, {*rooms, 'plugins'})}"
            )
    return HostConfig(**given)


def _table(said: str, name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{said}: {name} is {show(value)}; give a table: [{name}]")
    return value


def _room(where: Where, name: str, base: Any, table: dict[str, Any]) -> Any:
    known = {each.name for each in fields(base)}
    ready: dict[str, Any] = {}
    for key, value in table.items():
        said = where(name, key)
        if key not in known:
            raise ConfigError(f"{said}: {name}.{key} is not known; give {unknown_member(key, known)}")
        expected = unfit(key, getattr(base, key), value)
        if expected is not None:
            raise ConfigError(f"{said}: {name}.{key} is {show(value)}; give {expected}")
        ready[key] = tuple(value) if isinstance(value, list) else value
    try:
        return replace(base, **ready)
    except ValueError as error:
        key = str(error).partition(" ")[0]
        raise ConfigError(f"{where(name, key)}: {name}.{error}") from error


def unfit(key: str, default: object, value: object) -> str | None:
    """What a setting should have been, by its *default*; `None` for a *value* that can be used."""
    if isinstance(default, bool):
        return None if isinstance(value, bool) else "true or false"
    if isinstance(default, str):
        # Which texts there are to choose from, the room itself says.
        such_as = f", such as {show(default)}" if default else ""
        return None if isinstance(value, str) and value.isprintable() else f"printable text{such_as}"
    if isinstance(default, tuple):
        good = isinstance(value, list | tuple) and all(
            isinstance(each, str) and each.isprintable() for each in value
        )
        return None if good else 'a list of texts, such as ["a", "b"]'
    assert isinstance(default, int | float)
    whole = isinstance(default, int)
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _BEYOND
    if fits and (value or key in _MAY_BE_ZERO) and (isinstance(value, int) or not whole):
        return None
    least = "of 0 or more" if key in _MAY_BE_ZERO else "above 0"
    return f"{'an integer' if whole else 'a number'} {least}, such as {default}"


def _settings(path: str, plugin: str, table: object) -> Settings:
    given = _table(path, f"plugins.{plugin}", table)
    kinds: dict[str, type] = {"enabled": bool, "priority": int, "config": dict, "limits": dict}
    kinds["training"] = dict
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
        read_policy(settings.training)
    except ProblemError as error:
        raise ConfigError(f"{path}: plugins.{plugin}.{error}") from error
    return settings
