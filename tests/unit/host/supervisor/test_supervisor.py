"""The directory of plugins: folder by folder. See tests/integration/supervisor too."""

from __future__ import annotations

import asyncio
import logging
import shutil

import psutil
import pytest

from host.process import child as child_module
from host.registry.entry import Settings
from host.registry.settings import SettingsChange
from host.supervisor import incarnation as incarnation_module
from host.supervisor import supervisor as supervisor_module


def names(supervisor):
    return [entry.name for entry in supervisor.registry.all()]


@pytest.mark.fault("folder-restless")
async def test_a_folder_that_never_rests_keeps_no_other_from_being_taken(supervise, plugin, monkeypatch):
    restless = plugin("restless")
    plugin("calm")
    looks = []

    def scan_while_it_is_written(directory):
        looks.append(directory)
        (restless / "log.txt").write_text("x" * len(looks))
        return scan(directory)

    scan = supervisor_module.scan
    monkeypatch.setattr(supervisor_module, "scan", scan_while_it_is_written)
    async with supervise(still_s=0.1) as supervisor:
        await supervisor.rescan()
        await asyncio.sleep(0.2)  # the time that one needs to be still, and more
        assert await supervisor.rescan() is not None
        assert names(supervisor) == ["calm"]
        monkeypatch.undo()
        await supervisor.settle()
        assert names(supervisor) == ["calm", "restless"]


async def test_a_folder_that_is_away_for_one_look_alone_is_not_let_go(
    supervise, plugin, tmp_path, monkeypatch
):
    plugin("moving")
    scan, looks = supervisor_module.scan, []

    def scan_while_it_is_away(directory):
        looks.append(directory)
        return ([], []) if len(looks) == 1 else scan(directory)

    async with supervise() as supervisor:
        await supervisor.settle()
        before = supervisor.registry.get("moving")
        monkeypatch.setattr(supervisor_module, "scan", scan_while_it_is_away)
        await supervisor.settle()
        assert supervisor.registry.get("moving") is before


async def test_nothing_new_is_nothing_done(supervise, plugin):
    plugin("a", manifest="[config]\nx = nan\n")
    async with supervise() as supervisor:
        await supervisor.settle()
        entry = supervisor.registry.get("a")
        for _ in range(3):
            await supervisor.settle()
        assert supervisor.registry.get("a") is entry


async def test_the_operators_word_outlives_a_folder_that_changes(supervise, plugin):
    folder = plugin("a")
    async with supervise() as supervisor:
        await supervisor.settle()
        await supervisor.registry.get("a").keeper.disable()
        (folder / "new.txt").write_text("changed")
        before = supervisor.registry.get("a")
        await supervisor.settle()
        after = supervisor.registry.get("a")
        assert after is not before
        await after.keeper.wait_settled()
        assert after.keeper.view().state == "stopped"
        assert not after.settings.enabled


async def test_the_configurations_word_is_heard(supervise, plugin):
    plugin("a")
    plugin("b")
    async with supervise(settings={"b": Settings(priority=9, config={"k": 1})}) as supervisor:
        await supervisor.settle()
        assert names(supervisor) == ["b", "a"]
        assert supervisor.registry.get("b").config == {"k": 1}


async def test_closing_while_a_changed_folder_is_being_replaced_leaves_nothing(
    supervise, plugin, eventually, monkeypatch
):
    monkeypatch.setattr(incarnation_module, "SHUTDOWN_S", 0.2)
    monkeypatch.setattr(child_module, "TERM_GRACE_S", 0.2)
    folder = plugin("stubborn", first="trap '' TERM; while :; do sleep 1000; done")
    async with supervise() as supervisor:
        await supervisor.settle()
        keeper = supervisor.registry.get("stubborn").keeper
        await eventually(lambda: keeper.view().pid is not None)
        pids = {keeper.view().pid}
        (folder / "new.txt").write_text("changed")
        await supervisor.settle()
        await eventually(lambda: keeper.view().pid not in {None, *pids})
        pids.add(keeper.view().pid)
    assert not any(psutil.pid_exists(pid) for pid in pids)


async def test_a_machine_without_a_watch_to_give_is_looked_at_all_the_same(
    supervise, plugin, eventually, monkeypatch, caplog
):
    def none_left(*args, **more):
        raise RuntimeError("inotify: no watch left")

    monkeypatch.setattr(supervisor_module.watchfiles, "awatch", none_left)
    with caplog.at_level(logging.WARNING):
        async with supervise(rescan_s=0.02) as supervisor:
            await supervisor.start()
            plugin("late")
            await eventually(lambda: names(supervisor) == ["late"])
    assert any(record.message == "supervisor.not_watching" for record in caplog.records)


async def test_the_directory_may_go_and_come_back(supervise, plugin, eventually, tmp_path):
    plugin("a")
    async with supervise(rescan_s=0.02) as supervisor:
        await supervisor.start()
        await supervisor.wait_settled(10)
        (tmp_path / "plugins").rename(tmp_path / "elsewhere")
        with pytest.raises(Exception, match="cannot be read"):
            await supervisor.rescan()
        assert names(supervisor) == ["a"], "what runs goes on"
        (tmp_path / "plugins").mkdir()
        await eventually(lambda: names(supervisor) == [])


async def test_a_refused_folder_is_told_once_and_forgotten_when_it_is_gone(supervise, plugin):
    folder = plugin("bad", manifest="nonsense = 1\n")
    async with supervise() as supervisor:
        told = []
        supervisor.registry.events.subscribe(told.append)
        for _ in range(3):
            await supervisor.settle()
        assert [(event.topic, event.plugin) for event in told] == [("plugin:error", "bad")]
        shutil.rmtree(folder)
        await supervisor.settle()
        assert supervisor.refused == []


async def test_what_an_operator_says_holds_in_the_next_host(supervise, plugin):
    plugin("a")
    plugin("b")
    async with supervise(settings={"a": Settings(priority=1, config={"x": 1})}) as supervisor:
        await supervisor.start()
        await supervisor.registry.get("b").keeper.disable()
        await supervisor.registry.get("a").keeper.configure(SettingsChange(config={"y": 2}))
    async with supervise(settings={"a": Settings(priority=1, config={"x": 1})}) as supervisor:
        await supervisor.start()
        await supervisor.wait_settled(20)
        assert supervisor.registry.get("b").keeper.view().state == "stopped"
        assert supervisor.registry.get("a").config == {"x": 1, "y": 2}
        assert supervisor.registry.get("a").priority == 1
