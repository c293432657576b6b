"""The operators' words in the data folder."""

from __future__ import annotations

import asyncio
import os

import pytest

from host.errors import ConfigError
from host.registry.settings import SettingsChange
from host.supervisor.settings_store import SettingsNotKeptError, SettingsStore


async def test_what_was_said_is_there_in_the_next_life_and_later_words_are_laid_over_it(tmp_path):
    path = tmp_path / "settings.json"
    store = SettingsStore(path)
    assert store.load() == {}
    await store.remember("a", SettingsChange(priority=4, config={"x": 1}))
    await asyncio.gather(
        store.remember("a", SettingsChange(config={"y": None})),
        store.remember("b", SettingsChange(enabled=False)),
    )
    assert SettingsStore(path).load() == {
        "a": SettingsChange(priority=4, config={"x": 1, "y": None}),
        "b": SettingsChange(enabled=False),
    }
    assert os.listdir(tmp_path) == ["settings.json"], "nothing is left aside"


@pytest.mark.fault("host-torn-settings")
async def test_a_write_that_stopped_half_way_leaves_the_old_words(tmp_path):
    path = tmp_path / "settings.json"
    await SettingsStore(path).remember("a", SettingsChange(priority=4))
    (tmp_path / "settings.new").write_text('{"version":1,"plug')
    store = SettingsStore(path)
    assert store.load() == {"a": SettingsChange(priority=4)}
    await store.remember("a", SettingsChange(priority=5))
    assert SettingsStore(path).load() == {"a": SettingsChange(priority=5)}


@pytest.mark.fault("host-disk-full")
async def test_what_cannot_be_written_is_said_and_not_taken_for_kept(tmp_path):
    store = SettingsStore(tmp_path / "absent" / "settings.json")
    with pytest.raises(SettingsNotKeptError, match=r"set for a holds until this host ends.*No such file"):
        await store.remember("a", SettingsChange(priority=4))


def test_a_file_that_is_no_settings_is_named_with_the_remedy(tmp_path):
    (tmp_path / "settings.json").write_text('{"plugins": 5}')
    with pytest.raises(ConfigError, match=r"settings\.json cannot be read .*take it away"):
        SettingsStore(tmp_path / "settings.json").load()
