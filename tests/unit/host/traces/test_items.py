from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from host.errors import ConfigError
from host.traces.items import load_items


def write(path: Path, value: Any) -> Path:
    path.write_bytes(gzip.compress(json.dumps(value).encode()))
    return path


def test_streams_are_found_at_any_depth_and_named_after_where_they_lie(tmp_path: Path) -> None:
    stream = {"capacity": 10, "items": [3, 7]}
    found = load_items(write(tmp_path / "x.json.gz", {"OR": {"a": stream, "b": stream}, "W": {"c": stream}}))
    assert [(each.name, each.group) for each in found] == [("OR/a", "OR"), ("OR/b", "OR"), ("W/c", "W")]
    assert found[0].items == [3, 7]


def test_one_stream_alone_is_named_after_its_file(tmp_path: Path) -> None:
    [found] = load_items(write(tmp_path / "mine.json", {"capacity": 10, "items": [1]}))
    assert found.name == "mine"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"capacity": 10, "items": [11]}, r"items\[0\] is 11"),
        ({"capacity": 0, "items": [1]}, "capacity is 0"),
        ({"capacity": 10, "items": []}, "at least one"),
        ({"a": 1}, "no stream"),
    ],
)
def test_what_is_no_stream_is_refused(tmp_path: Path, value: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_items(write(tmp_path / "x.json", value))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.json"):
        load_items(tmp_path / "nowhere.json")
