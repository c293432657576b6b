"""Streams of items for bins of one size, as JSON: `{"capacity", "items"}`, or any nesting of objects with those in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from host.errors import ConfigError
from host.traces.text import whole_text

ENDINGS = (".json", ".json.gz", ".json.xz")


@dataclass(frozen=True)
class ItemStream:
    """Sizes in the order in which they come; each fits a bin.

    Attributes:
        group: What it is averaged with: the path of names above it.
    """

    name: str
    group: str
    capacity: int
    items: list[int]


def load_items(path: Path) -> list[ItemStream]:
    """Every stream in a JSON file, plain or compressed, or in those of a folder.

    Raises:
        ConfigError: It is no JSON, or there is no stream in it, or an item does not fit.
    """
    if path.is_dir():
        files = sorted(each for each in path.iterdir() if each.name.endswith(ENDINGS))
        if not files:
            raise ConfigError(f"{path}: there is no JSON file in it; give one with streams of items")
        return [stream for file in files for stream in load_items(file)]
    try:
        data = msgspec.json.decode(whole_text(path))
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path}: is no JSON ({error}); give streams of capacity and items") from error
    found: list[ItemStream] = []
    _collect(data, (), path, found)
    if not found:
        raise ConfigError(f'{path}: there is no stream in it; give {{"capacity": 100, "items": [...]}}')
    return found


def _collect(data: Any, names: tuple[str, ...], path: Path, found: list[ItemStream]) -> None:
    if isinstance(data, list):
        data = {str(index): each for index, each in enumerate(data)}
    if not isinstance(data, dict):
        return
    if "items" not in data or "capacity" not in data:
        for name, each in data.items():
            if isinstance(each, dict | list):
                _collect(each, (*names, name), path, found)
        return
    where = "/".join(names) or path.name.split(".")[0]
    capacity, items = data["capacity"], data["items"]
    if type(capacity) is not int or capacity < 1:
        raise ConfigError(f"{path}: {where}: capacity is {capacity!r}; give an integer of 1 or more")
    if not isinstance(items, list) or not items:
        raise ConfigError(f"{path}: {where}: items is no list of sizes; give at least one")
    for index, size in enumerate(items):
        if type(size) is not int or not 1 <= size <= capacity:
            raise ConfigError(
                f"{path}: {where}: items[{index}] is {size!r}; give an integer from 1 to {capacity}"
            )
    found.append(ItemStream(where, "/".join(names[:-1]), capacity, items))
