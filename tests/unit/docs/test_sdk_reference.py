"""The SDK's page has every public name, and no other."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "sdk.md").read_text(encoding="utf-8")
ROOMS = re.findall(r"^## `(plugin_sdk[\w.]*)`$", PAGE, re.MULTILINE)


def of_the_page(room: str) -> set[str]:
    section = PAGE.split(f"## `{room}`\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`(\w+)", row)}


@pytest.mark.parametrize("room", ROOMS)
def test_the_page_has_what_the_room_has(room: str) -> None:
    module = importlib.import_module(room)
    public = set(getattr(module, "__all__", ())) or {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == room
    }
    assert of_the_page(room) == public
    assert all(hasattr(module, name) for name in public)


def test_the_page_has_every_room_for_authors() -> None:
    assert set(ROOMS) == {
        "plugin_sdk",
        "plugin_sdk.testing",
        "plugin_sdk.fast",
        "plugin_sdk.online",
        "plugin_sdk.calibration",
        "plugin_sdk.models",
    }
