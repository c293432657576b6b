"""A name and the versions that follow each other under it, over plugins in shell. Source: RELIABILITY 14."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time

import msgspec
import psutil
import pytest

from host.errors import PluginGoneError
from host.registry.settings import SettingsChange
from host.supervisor.restart import RestartPolicy
from plugin_sdk.contract.decode import ProblemError


async def within(work, seconds=20):
    async with asyncio.timeout(seconds):
        return await work


async def ask(entry):
    raw = await entry.call("predict", b'{"input":1}', deadline=time.monotonic() + 10)
    return msgspec.json.decode(raw)["prediction"]


def version(folder, number, first=None):
    """Makes the folder hold another version, as an editor would."""
    if first is not None:
        script = (folder / "plugin.sh").read_text().replace("trap '' HUP\n", f"trap '' HUP\n{first}\n", 1)
        (folder / "plugin.sh").write_text(script)
    manifest = (folder / "plugin.toml").read_text()
    (folder / "plugin.toml").write_text(manifest.replace('"1.0.0"', f'"{number}"'))


class Told:
    def __init__(self, supervisor):
        self.events = []
        supervisor.registry.events.subscribe(self.events.append)

    def of(self, topic):
        return [event.detail for event in self.events if event.topic == topic]


@pytest.fixture
def serving(supervise, plugin):
    """`async with serving() as (supervisor, folder):`, with one plugin that can be asked."""

    @contextlib.asynccontextmanager
    async def make(*, manifest="", first="", watched=False, **config):
        folder = plugin("a", manifest=manifest, first=first)
        config = {"restarts": RestartPolicy(base_s=0.01, cap_s=0.02, intensity=2)} | config
        async with supervise(**config) as supervisor:
            await (supervisor.start() if watched else supervisor.settle())
            await within(supervisor.registry.get("a").keeper.wait_settled())
            yield supervisor, folder

    return make


@pytest.mark.fault("folder-changed-under-load")
async def test_while_a_folder_changes_no_call_is_lost(serving, eventually):
    async with serving() as (supervisor, folder):
        pids, stop = [], False
        first = await ask(supervisor.registry.get("a"))

        async def keep_asking():
            while not stop:
                pids.append(await ask(supervisor.registry.get("a")))

        asking = [asyncio.ensure_future(keep_asking()) for _ in range(3)]
        for number in (2, 3):
            version(folder, f"{number}.0.0") if number == 2 else (folder / "more.txt").write_text("x")
            before = supervisor.registry.get("a")
            await supervisor.settle()
            await eventually(lambda before=before: supervisor.registry.get("a") is not before)
        await eventually(lambda: pids[-1] not in {first, None} and len(set(pids)) == 3)
        stop = True
        await within(asyncio.gather(*asking))
        await eventually(lambda: not psutil.pid_exists(first))
        assert supervisor.registry.get("a").manifest.version == "2.0.0"


async def test_a_call_that_is_open_is_answered_by_the_version_that_it_was_put_to(serving, eventually):
    slow = "sleep_a_while() { while [ ! -e go ]; do sleep 0.05; done; }"
    async with serving(first=slow) as (supervisor, folder):
        script = (folder / "plugin.sh").read_text()
        old = supervisor.registry.get("a")
        pid = await ask(old)
        # The version that is to be replaced answers only when it is told to.
        (folder / "plugin.sh").write_text(
            script.replace("while IFS= read", "echo up >&2\nwhile IFS= read").replace(
                '*\'"method":"predict"\'*) r=', '*\'"method":"predict"\'*) sleep_a_while; r='
            )
        )
        await supervisor.settle()
        await eventually(lambda: supervisor.registry.get("a") is not old)
        slow_one = supervisor.registry.get("a")
        call = asyncio.ensure_future(ask(slow_one))
        await eventually(lambda: slow_one.caller.in_flight == 1)
        (folder / "plugin.sh").write_text(script)
        await supervisor.settle()
        await eventually(lambda: supervisor.registry.get("a") is not slow_one)
        quick = await ask(supervisor.registry.get("a"))
        assert not call.done()
        assert await ask(slow_one) == quick, "who still holds the old one is passed on"
        (folder / "go").write_text("")
        answered = await within(call)
        assert answered not in {pid, quick}
        await eventually(lambda: not psutil.pid_exists(answered))


@pytest.mark.fault("folder-does-not-come-up")
async def test_a_version_that_does_not_come_up_leaves_the_old_one_serving_and_says_why(serving, eventually):
    async with serving() as (supervisor, folder):
        told = Told(supervisor)
        old = supervisor.registry.get("a")
        pid = await ask(old)
        version(folder, "2.0.0", "echo 'no model here' >&2; exit 3")
        await supervisor.settle()
        await eventually(lambda: old.keeper.view().state == "degraded")
        view = old.keeper.view()
        assert "a@2.0.0 in its folder did not come up: it exited with code 3" in view.state_why
        assert (view.version, view.staged.version) == ("1.0.0", "2.0.0")
        assert "[staged 2.0.0] no model here" in old.keeper.logs(10)
        assert await ask(supervisor.registry.get("a")) == pid
        await eventually(lambda: old.keeper.view().staged.state == "quarantined")
        assert "starts within" in old.keeper.view().state_why
        assert all(detail["now"] == "degraded" for detail in told.of("plugin:state"))
        assert {detail["staged"] for detail in told.of("plugin:error")} == {"2.0.0"}
        # Mended, it takes over.
        (folder / "plugin.sh").write_text((folder / "plugin.sh").read_text().replace("exit 3", ":"))
        await supervisor.settle()
        await eventually(lambda: supervisor.registry.get("a").manifest.version == "2.0.0")
        assert supervisor.registry.get("a").keeper.view().state == "ready"
        assert told.of("plugin:registered") == [{"version": "2.0.0", "replaces": "1.0.0"}]


@pytest.mark.fault("folder-old-one-dies")
async def test_when_the_old_one_ends_meanwhile_the_new_one_has_the_name_as_it_stands(serving, eventually):
    async with serving() as (supervisor, folder):
        old = supervisor.registry.get("a")
        pid = await ask(old)
        version(folder, "2.0.0", "exit 3")
        await supervisor.settle()
        await eventually(lambda: old.keeper.view().state == "degraded")
        psutil.Process(pid).kill()
        await eventually(lambda: supervisor.registry.get("a") is not old)
        view = supervisor.registry.get("a").keeper.view()
        assert view.version == "2.0.0"
        assert view.state in {"backoff", "quarantined", "verifying", "starting"}
        assert view.staged is None
        with pytest.raises(PluginGoneError):
            await ask(old)


@pytest.mark.fault("folder-refused-later")
async def test_a_folder_that_is_refused_is_a_reason_to_be_degraded_until_it_is_good_again(
    serving, eventually
):
    async with serving() as (supervisor, folder):
        entry = supervisor.registry.get("a")
        pid = await ask(entry)
        good = (folder / "plugin.toml").read_text()
        (folder / "plugin.toml").write_text("[plugin]\nname = 5\n")
        await supervisor.settle()
        assert entry.keeper.view().state == "degraded"
        assert "its folder is refused as it is now" in entry.keeper.view().state_why
        assert await ask(entry) == pid
        (folder / "plugin.toml").write_text(good)
        await supervisor.settle()
        await eventually(lambda: supervisor.registry.get("a") is not entry)
        assert supervisor.registry.get("a").keeper.view().state == "ready"


async def test_where_nothing_serves_the_new_version_has_the_name_at_once(serving, plugin):
    async with serving(first="exit 3") as (supervisor, folder):
        old = supervisor.registry.get("a")
        (folder / "plugin.sh").write_text((folder / "plugin.sh").read_text().replace("exit 3", ":"))
        await supervisor.settle()
        new = supervisor.registry.get("a")
        assert new is not old
        await within(new.keeper.wait_settled())
        assert new.keeper.view().state == "ready"


async def test_a_disabled_plugin_whose_folder_changes_rests_as_the_new_version(serving, eventually):
    async with serving() as (supervisor, folder):
        version(folder, "2.0.0", "exit 3")
        await supervisor.settle()
        await eventually(lambda: supervisor.registry.get("a").keeper.view().state == "degraded")
        await within(supervisor.registry.get("a").keeper.disable())
        await eventually(lambda: supervisor.registry.get("a").keeper.view().version == "2.0.0")
        await eventually(lambda: supervisor.registry.get("a").keeper.view().state == "stopped")
        assert supervisor.registry.get("a").keeper.view().staged is None


async def test_a_restart_takes_what_lies_in_the_folder(serving, eventually):
    async with serving() as (supervisor, folder):
        pid = await ask(supervisor.registry.get("a"))
        version(folder, "2.0.0", "[ -e ok ] || exit 3")
        await supervisor.settle()
        await eventually(lambda: supervisor.registry.get("a").keeper.view().state == "degraded")
        (folder / "ok").write_text("")
        await within(supervisor.registry.get("a").keeper.restart())
        assert supervisor.registry.get("a").keeper.view().version == "2.0.0"
        await eventually(lambda: not psutil.pid_exists(pid))
        await within(supervisor.registry.get("a").keeper.restart())
        assert supervisor.registry.get("a").keeper.view().state == "ready"


async def test_a_folder_that_changes_while_its_last_change_is_staged_is_staged_anew(serving, eventually):
    async with serving() as (supervisor, folder):
        version(folder, "2.0.0", "sleep 1000")
        await supervisor.settle()
        keeper = supervisor.registry.get("a").keeper
        await eventually(lambda: keeper.view().staged and keeper.view().staged.state == "starting")
        (folder / "plugin.sh").write_text((folder / "plugin.sh").read_text().replace("sleep 1000", ":"))
        await supervisor.settle()
        await eventually(lambda: supervisor.registry.get("a").manifest.version == "2.0.0")


@pytest.mark.fault("folder-removed")
async def test_a_folder_that_is_removed_lets_open_calls_finish_and_may_come_back(
    serving, eventually, tmp_path
):
    async with serving(watched=True) as (supervisor, folder):
        told, entry = Told(supervisor), supervisor.registry.get("a")
        pid = await ask(entry)
        folder.rename(tmp_path / "aside")
        await eventually(lambda: supervisor.registry.all() == [])
        assert next(each["why"] for each in told.of("plugin:state")) == "its folder is gone"
        assert not psutil.pid_exists(pid)
        (tmp_path / "aside").rename(folder)
        await eventually(lambda: [each.name for each in supervisor.registry.ready()] == ["a"])
        shutil.rmtree(folder)
        await eventually(lambda: supervisor.registry.all() == [])


@pytest.mark.fault("folder-renamed")
async def test_a_folder_under_another_name_is_the_same_plugin_and_loses_no_call(serving, eventually):
    async with serving(watched=True) as (supervisor, folder):
        told = Told(supervisor)
        old = supervisor.registry.get("a")
        folder.rename(folder.with_name("b"))
        await eventually(lambda: supervisor.registry.get("a") is not old)
        assert supervisor.registry.get("a").keeper.view().folder.endswith("/b")
        assert told.of("plugin:unregistered") == []


@pytest.mark.fault("folder-twin")
async def test_of_two_folders_of_one_name_the_other_takes_over_when_the_first_is_gone(serving, eventually):
    async with serving(watched=True) as (supervisor, folder):
        shutil.copytree(folder, folder.with_name("b"))
        await eventually(lambda: [each.folder.name for each in supervisor.refused] == ["b"])
        assert "taken by the folder 'a'" in supervisor.refused[0].why
        old = supervisor.registry.get("a")
        shutil.rmtree(folder)
        await eventually(lambda: supervisor.registry.get("a") is not old)
        assert supervisor.registry.get("a").keeper.view().folder.endswith("/b")
        await eventually(lambda: supervisor.refused == [])


async def test_a_folder_that_is_renamed_into_place_is_taken_at_once(supervise, plugin, tmp_path, eventually):
    aside = plugin("a").rename(tmp_path / "aside")
    async with supervise(still_s=1000, rescan_s=1000) as supervisor:
        await supervisor.start()
        aside.rename(tmp_path / "plugins" / "a")
        await eventually(lambda: [each.name for each in supervisor.registry.ready()] == ["a"])


@pytest.mark.fault("folder-half-copied")
async def test_a_folder_that_is_copied_half_way_is_not_started(supervise, plugin, tmp_path, eventually):
    whole = plugin("whole").rename(tmp_path / "aside")
    async with supervise(still_s=0.5) as supervisor:
        await supervisor.start()
        half = tmp_path / "plugins" / "a"
        half.mkdir()
        manifest = (whole / "plugin.toml").read_text().replace('["sh", "plugin.sh"]', '["./plugin.sh"]')
        (half / "plugin.toml").write_text(manifest)
        await eventually(lambda: supervisor.refused != [])
        assert "its command is './plugin.sh', which is not in the folder" in supervisor.refused[0].why
        text = "#!/bin/sh\n" + (whole / "plugin.sh").read_text()
        (half / "plugin.sh").write_text(text[: len(text) // 2])
        (half / "plugin.sh").chmod(0o755)
        await supervisor.rescan()
        assert supervisor.registry.all() == [], "it has not been still for long enough"
        (half / "plugin.sh").write_text(text)
        await eventually(lambda: [each.name for each in supervisor.registry.ready()] == ["whole"])
        assert supervisor.registry.get("whole").epoch == 1, "never started before it was whole"


# configure


async def test_a_priority_is_set_while_it_runs_and_its_process_is_left_alone(serving):
    async with serving() as (supervisor, _):
        entry = supervisor.registry.get("a")
        pid = await ask(entry)
        await within(entry.keeper.configure(SettingsChange(priority=7)))
        assert entry.priority == 7
        assert await ask(supervisor.registry.get("a")) == pid


async def test_what_a_process_was_told_at_its_start_is_changed_by_a_new_one_beside_it(serving, eventually):
    async with serving(manifest="[config]\ndepth = 3\n") as (supervisor, _):
        keeper = supervisor.registry.get("a").keeper
        pid = await ask(supervisor.registry.get("a"))
        change = SettingsChange(config={"depth": 5}, limits={"call_timeout": "3s"})
        await within(keeper.configure(change))
        entry = supervisor.registry.get("a")
        assert entry.config == {"depth": 5}
        assert keeper.view().limits.call_timeout_s == 3.0
        again = await ask(entry)
        assert again != pid
        await within(keeper.configure(SettingsChange(config={"depth": 5})))
        assert await ask(supervisor.registry.get("a")) == again, "nothing new was said"
        await eventually(lambda: not psutil.pid_exists(pid))


async def test_a_limit_that_cannot_be_used_changes_nothing(serving):
    async with serving() as (supervisor, _):
        entry = supervisor.registry.get("a")
        with pytest.raises(ProblemError):
            await entry.keeper.configure(SettingsChange(priority=9, limits={"memory": "much"}))
        assert entry.priority == 0
        assert entry.keeper.view().state == "ready"


async def test_configure_switches_it_off_and_on(serving):
    async with serving() as (supervisor, _):
        keeper = supervisor.registry.get("a").keeper
        await within(keeper.configure(SettingsChange(enabled=False, config={"b": 1})))
        assert keeper.view().state == "stopped"
        await within(keeper.configure(SettingsChange(enabled=True, config={"a": 1})))
        assert keeper.view().state == "ready"
        assert supervisor.registry.get("a").config == {"a": 1, "b": 1}
