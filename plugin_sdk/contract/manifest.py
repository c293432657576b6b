"""`plugin.toml`: what a plugin is, what it handles, how it is started, what it asks for."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

import msgspec

from plugin_sdk.contract.decode import ProblemError, show
from plugin_sdk.contract.limits import LIMIT_NAMES, read_limits
from plugin_sdk.contract.limits import Limits as Limits
from plugin_sdk.contract.problems.request import unknown_member
from plugin_sdk.contract.training import TrainingPolicy, read_policy
from plugin_sdk.contract.workload import REQUEST_TYPES

MANIFEST_NAME = "plugin.toml"
MANIFEST_LIMIT_BYTES = 64 * 1024
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")
# Source: semver.org, "Is there a suggested regular expression", in our own words.
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?\Z")
ENTRY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*\Z")


class Manifest(msgspec.Struct, frozen=True, rename="camel"):
    """A plugin's manifest, checked.

    Exactly one of `entry` (module:attribute) and `command` is set.
    """

    name: str
    version: str
    handles: tuple[str, ...]
    description: str = ""
    author: str | None = None
    entry: str | None = None
    command: tuple[str, ...] | None = None
    protocol: int = 1
    priority: int = 0
    config: dict[str, Any] = {}
    limits: Limits = Limits()
    training: TrainingPolicy = TrainingPolicy()
    python_dependencies: tuple[str, ...] = ()

    @property
    def by(self) -> str:
        """`name@version`, as answers name it."""
        return f"{self.name}@{self.version}"


class ManifestError(ValueError):
    """A manifest that cannot be used: file, line, key, value, and what would be right.

    Attributes:
        file: As given to `parse_manifest`.
        line: From 1; 0 when it is about the file as a whole.
        key: Dotted, e.g. `limits.memory`; empty when it is about the file as a whole.
    """

    def __init__(
        self, file: str, line: int, key: str, value: object, expected: str, *, missing: bool = False
    ) -> None:
        self.file = file
        self.line = line
        self.key = key
        where = f"{file}:{line}" if line else file
        if not key:
            text = f"{where}: {expected}"
        elif missing:
            text = f"{where}: {key} is missing; give {expected}"
        else:
            text = f"{where}: {key} is {show(value)}; give {expected}"
        super().__init__(text)


def parse_manifest(source: bytes, file: str = MANIFEST_NAME) -> Manifest:
    """The manifest in *source*.

    Raises:
        ManifestError: The first thing in it that cannot be used.
    """
    if len(source) > MANIFEST_LIMIT_BYTES:
        raise ManifestError(
            file, 0, "", None, f"it has {len(source)} bytes; give at most {MANIFEST_LIMIT_BYTES}"
        )
    try:
        text = source.decode()
        tables = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = source[: error.start].count(b"\n") + 1
        raise ManifestError(file, line, "", None, "it is not UTF-8; save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found.group(1)) if found else text.count("\n") + 1
        raise ManifestError(file, line, "", None, f"it is not TOML: {error}") from error
    except RecursionError as error:
        raise ManifestError(
            file, 0, "", None, "it is nested too deeply; a manifest has tables of plain values"
        ) from error
    except ValueError as error:  # tomllib lets int()'s own limit on digits through
        raise ManifestError(file, 0, "", None, f"it has a value that cannot be read: {error}") from error
    return _Reader(file, text, tables).manifest()


class _Reader:
    """Reads one parsed file, and knows on which line a key stands when something is wrong with it."""

    def __init__(self, file: str, text: str, tables: Mapping[str, Any]) -> None:
        self.file = file
        self.lines = text.splitlines()
        self.tables = tables

    def manifest(self) -> Manifest:
        self._only("", self.tables, ("plugin", "config", "limits", "training", "dependencies"))
        plugin = self._table("plugin", required=True)
        known = (
            "name",
            "version",
            "description",
            "author",
            "handles",
            "entry",
            "command",
            "protocol",
            "priority",
        )
        self._only("plugin", plugin, known)
        name = self._matching(
            "name", NAME, "lower-case letters, digits and hyphens, 1 to 63, a letter or digit first"
        )
        version = self._matching("version", VERSION, "a SemVer version such as 1.0.0")
        handles = self._texts("plugin.handles", plugin.get("handles"), required=True)
        for each in handles:
            if each not in REQUEST_TYPES:
                raise self._wrong(
                    "plugin.handles", each, unknown_member(each, REQUEST_TYPES, "one or more of")
                )
        if ("entry" in plugin) == ("command" in plugin):
            both = (
                "either entry or command, not both"
                if "entry" in plugin
                else 'entry = "module:attribute" or a command'
            )
            raise self._wrong("plugin.entry", plugin.get("entry"), both, missing="entry" not in plugin)
        entry = (
            self._matching("entry", ENTRY, 'a "module:attribute" in this folder')
            if "entry" in plugin
            else None
        )
        command = (
            self._texts("plugin.command", plugin["command"], required=True) if "command" in plugin else None
        )
        protocol = plugin.get("protocol", 1)
        if protocol != 1 or isinstance(protocol, bool):
            raise self._wrong("plugin.protocol", protocol, "1, the version this host speaks")
        priority = plugin.get("priority", 0)
        if not isinstance(priority, int) or isinstance(priority, bool) or abs(priority) > 1_000_000:
            raise self._wrong("plugin.priority", priority, "an integer; higher is asked first")
        dependencies = self._table("dependencies")
        self._only("dependencies", dependencies, ("python",))
        return Manifest(
            name=name,
            version=version,
            handles=tuple(dict.fromkeys(handles)),
            description=self._text("description"),
            author=self._text("author") or None,
            entry=entry,
            command=tuple(command) if command is not None else None,
            protocol=1,
            priority=priority,
            config=self._config(),
            limits=self._limits(),
            training=self._training(),
            python_dependencies=tuple(self._texts("dependencies.python", dependencies.get("python", []))),
        )

    def _config(self) -> dict[str, Any]:
        config = dict(self._table("config"))
        for name, value in config.items():
            try:
                msgspec.json.encode(value)
            except (ValueError, OverflowError, RecursionError, TypeError) as error:
                raise self._wrong(f"config.{name}", value, "a value that JSON can carry") from error
        return config

    def _limits(self) -> Limits:
        given = self._table("limits")
        self._only("limits", given, LIMIT_NAMES)
        try:
            return read_limits(given, Limits())
        except ProblemError as error:
            raise self._wrong(error.path, error.value, error.expected) from error

    def _training(self) -> TrainingPolicy:
        try:
            return read_policy(self._table("training"))
        except ProblemError as error:
            raise self._wrong(error.path, error.value, error.expected) from error

    def _wrong(self, key: str, value: object, expected: str, *, missing: bool = False) -> ManifestError:
        return ManifestError(self.file, self._line(key), key, value, expected, missing=missing)

    def _line(self, key: str) -> int:
        """Where a dotted key stands: its own line, else its table's header, else the first line."""
        table, _, name = key.rpartition(".")
        header = 1
        inside = not table
        for number, line in enumerate(self.lines, 1):
            found = re.match(r"\s*\[\s*([\w.\"'-]+)\s*\]", line)
            if found:
                inside = found.group(1) == table
                if inside or found.group(1) == key:
                    header = number
            elif (re.match(rf"\s*[\"']?{re.escape(name)}[\"']?\s*[.=]", line) and inside) or (
                table and re.match(rf"\s*{re.escape(key)}\s*=", line)
            ):
                return number
        return header

    def _only(self, table: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
        for name, value in given.items():
            if name not in known:
                key = f"{table}.{name}" if table else name
                raise self._wrong(key, value, unknown_member(name, known, "only the keys"))

    def _table(self, name: str, *, required: bool = False) -> dict[str, Any]:
        found = self.tables.get(name, {})
        if not isinstance(found, dict):
            raise self._wrong(name, found, f"a table: [{name}]")
        if required and not found:
            raise self._wrong(name, None, "a table with name, version, handles and entry", missing=True)
        return found

    def _text(self, name: str) -> str:
        value = self.tables["plugin"].get(name, "")
        if not isinstance(value, str):
            raise self._wrong(f"plugin.{name}", value, "a text")
        return value

    def _matching(self, name: str, pattern: re.Pattern[str], expected: str) -> str:
        key = f"plugin.{name}"
        if name not in self.tables["plugin"]:
            raise self._wrong(key, None, expected, missing=True)
        value = self.tables["plugin"][name]
        if not isinstance(value, str) or not pattern.match(value):
            raise self._wrong(key, value, expected)
        return value

    def _texts(self, key: str, value: object, *, required: bool = False) -> list[str]:
        if value is None:
            raise self._wrong(key, None, "a list of texts", missing=True)
        good = isinstance(value, list) and all(
            isinstance(each, str) and each and "\0" not in each for each in value
        )
        if not good or (required and not value):
            raise self._wrong(key, value, "a list of texts" + (", at least one" if required else ""))
        assert isinstance(value, list)
        return value
