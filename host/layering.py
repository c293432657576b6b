"""Where settings come from: the file `engine-ops.toml`, over it the environment, over that the flags.

One place, so that `engine-ops config show --origin` tells what a host started now would go by, and why.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import msgspec

from host.config import HostConfig, config_from, read_tables, room_defaults
from host.errors import ConfigError

FILE = "engine-ops.toml"
PREFIX = "ENGINE_OPS_"
# Of other commands and of the tests: no settings of a host.
NOT_SETTINGS = frozenset({"CONFIG", "TOKEN", "URL", "REFDATA"})


@dataclass(frozen=True)
class Settled:
    """The settings, and where each that is not a default was set.

    Attributes:
        file: The file that was read; `None` when there is none.
        origins: By `table.key`: `FILE`, `environment NAME` or `flag --name`.
    """

    config: HostConfig
    file: Path | None
    origins: Mapping[str, str]

    def origin(self, table: str, key: str) -> str:
        """Where a setting comes from."""
        return self.origins.get(f"{table}.{key}", "default")


def settle(
    *,
    config: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settled:
    """The settings a host goes by.

    Args:
        config: The file that was named; else the one the environment names, else `engine-ops.toml` in the
            current folder, if there is one.
        flags: Keys of the table `serve` that were given on the command line.
        environment: `os.environ` when left out.

    Raises:
        ConfigError: Something in one of the three cannot be used; says where.
    """
    variables = os.environ if environment is None else environment
    path = _file(config, variables)
    tables: dict[str, Any] = read_tables(path) if path is not None else {}
    origins = {f"{table}.{key}": str(path) for table, value in tables.items() for key in _keys(value)}
    for name, (table, key, value) in _from_environment(variables).items():
        _put(tables, table, key, value)
        origins[f"{table}.{key}"] = f"environment {name}"
    for key, value in (flags or {}).items():
        _put(tables, "serve", key, value)
        origins[f"serve.{key}"] = f"flag --{key.replace('_', '-')}"
    file = str(path)
    made = config_from(tables, lambda table, key: origins.get(f"{table}.{key}", file))
    return Settled(made, path, origins)


def _file(named: Path | None, variables: Mapping[str, str]) -> Path | None:
    if named is None and (text := variables.get(f"{PREFIX}CONFIG")):
        named = Path(text)
    if named is not None:
        return named
    return Path(FILE) if Path(FILE).is_file() else None


def _keys(value: object) -> list[str]:
    return list(value) if isinstance(value, dict) else []


def _put(tables: dict[str, Any], table: str, key: str, value: object) -> None:
    there = tables.setdefault(table, {})
    if isinstance(there, dict):  # what else it may be is refused when it is read
        there[key] = value


def variable_names() -> dict[str, tuple[str, str, Any]]:
    """Every variable of the environment that is a setting: its table, key and default."""
    return {
        f"{PREFIX}{table}_{each.name}".upper(): (table, each.name, getattr(base, each.name))
        for table, base in room_defaults().items()
        for each in fields(base)
    }


def _from_environment(variables: Mapping[str, str]) -> dict[str, tuple[str, str, Any]]:
    known = variable_names()
    found: dict[str, tuple[str, str, Any]] = {}
    for name, text in variables.items():
        if not name.startswith(PREFIX) or name.removeprefix(PREFIX) in NOT_SETTINGS:
            continue
        if name not in known:
            near = difflib.get_close_matches(name[:100], known, n=1, cutoff=0.75)
            remedy = f"did you mean {near[0]}?" if near else "`engine-ops config show` names the settings"
            raise ConfigError(f"environment: {name[:100]} is no setting; {remedy}")
        table, key, default = known[name]
        found[name] = (table, key, _read(text, default))
    return found


def _read(text: str, default: object) -> Any:
    """A value out of the text of a variable. What cannot be one is refused where all values are."""
    if isinstance(default, str):
        return text
    if isinstance(default, tuple):
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        return text
