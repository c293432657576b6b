"""Runners that end with their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.plugin_sdk.running import BOUND_S, Plugin


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Plugin]]:
    started: list[Plugin] = []

    def start_one(text: str, entry: str = "plugin:P", *, ready: bool = True) -> Plugin:
        folder = tmp_path / f"plugin{len(started)}"
        folder.mkdir()
        started.append(Plugin(folder, text, entry))
        if ready:
            answer = started[-1].initialize()
            assert "result" in answer, answer
        return started[-1]

    yield start_one
    for plugin in started:
        plugin.process.kill()
        plugin.process.wait(BOUND_S)
        plugin.writing.close()
        plugin.reading.close()
