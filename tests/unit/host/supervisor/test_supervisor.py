"""The directory of plugins: folder by folder. See tests/integration/supervisor too."""

from __future__ import annotations

import asyncio
import logging
import shutil

import psutil
import pytest

from host.clock import SystemClock
from host.process import child as child_module
from host.process.child import LocalLauncher
from host.registry.entry import Settings
from host.registry.settings import SettingsChange
from host.supervisor import incarnation as incarnation_module
from host.supervisor import supervisor as supervisor_module
from host.supervisor.restart import RestartPolicy


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


class Counting(LocalLauncher):
    """Says how many programs it was starting at one time."""

    def __init__(self):
        super().__init__(SystemClock())
        self.now = self.most = 0

    async def launch(self, spec):
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(0.01)  # as a launcher that waits for its spawner
            return await super().launch(spec)
        finally:
            self.now -= 1


@pytest.mark.fault("life-all-die")
async def test_when_all_die_at_once_their_starts_are_spread_and_few_are_started_at_a_time(
    supervise, plugin, eventually
):
    for number in range(12):
        plugin(f"p{number:02}")
    launcher, pauses = Counting(), {}
    policy = RestartPolicy(base_s=0.5)
    async with supervise(launcher=launcher, keeping={"spawns": 3}, restarts=policy) as supervisor:

        def paused(event):
            if event.topic == "plugin:state" and event.detail["now"] == "backoff":
                view = supervisor.registry.get(event.plugin).keeper.view()
                pauses[event.plugin] = view.next_retry - view.state_since

        await supervisor.settle()
        await supervisor.wait_settled(20)
        views = [entry.keeper.view() for entry in supervisor.registry.all()]
        assert [view.state for view in views] == ["ready"] * 12
        supervisor.registry.events.subscribe(paused)
        launcher.most = 0
        for view in views:
            psutil.Process(view.pid).kill()
        await eventually(
            lambda: all(
                (view := entry.keeper.view()).state == "ready" and view.restarts == 1
                for entry in supervisor.registry.all()
            )
        )
    assert 1 <= launcher.most <= 3
    assert len(pauses) == 12
    assert all(0 <= pause <= 510 for pause in pauses.values()), pauses
    assert len({round(pause, 3) for pause in pauses.values()}) == 12, "each draws its own"


class Slow:
    """A plugin that does not end before every other was asked to."""

    def __init__(self, name, asked, all_asked):
        self.name, self._asked, self._all_asked = name, asked, all_asked

    async def aclose(self, why):
        self._asked.append(self.name)
        if self.name == "p0":
            self._all_asked.set()
        await self._all_asked.wait()


async def test_a_host_that_stops_asks_the_last_started_first_and_soon_has_asked_all_however_slow(supervise):
    asked, all_asked = [], asyncio.Event()
    async with supervise(keeping={"stop_order_s": 0.3, "stop_gap_s": 10.0}) as supervisor:
        supervisor._kept = {f"p{n}": Slow(f"p{n}", asked, all_asked) for n in range(30)}
        supervisor.registry.unregister = lambda name: None  # they never were in it
        async with asyncio.timeout(8):  # one gap alone would be more
            await supervisor.aclose()
    assert asked == [f"p{n}" for n in reversed(range(30))]
