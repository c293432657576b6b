"""One plugin as the registry holds it."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from host.errors import PluginGoneError
from host.registry.entry import PluginEntry, Settings
from plugin_sdk.contract.manifest import Limits, Manifest
from plugin_sdk.contract.messages import Capability


class Caller:
    """Takes note of how long each call was given."""

    def __init__(self):
        self.given = {}

    async def call(self, method, params, *, deadline):
        self.given[method] = deadline - asyncio.get_running_loop().time()
        return msgspec.Raw(b"1")


def make(**settings):
    manifest = Manifest(
        "a",
        "1.2.3",
        ("resource",),
        entry="p:P",
        config={"depth": 3, "seed": 1},
        limits=Limits(call_timeout_s=2.0),
    )
    return PluginEntry(manifest, Settings(**settings))


def test_the_operators_config_is_laid_over_the_manifests_key_by_key():
    one = make(config={"seed": 7, "extra": True})
    assert one.config == {"depth": 3, "seed": 7, "extra": True}
    assert one.manifest.config == {"depth": 3, "seed": 1}
    assert one.by == "a@1.2.3"


async def test_a_plugin_that_does_not_run_cannot_be_called():
    with pytest.raises(PluginGoneError, match="it is not running"):
        await make().call("predict", b"{}", deadline=1e9)


async def test_its_own_time_limit_cuts_a_question_short_but_not_a_training():
    one, caller = make(), Caller()
    one.now_ready(caller, {"predict": Capability()}, None)
    now = asyncio.get_running_loop().time()
    for method in ("predict", "optimize", "train"):
        await one.call(method, b"{}", deadline=now + 60)
    assert caller.given["predict"] <= 2.0
    assert caller.given["optimize"] <= 2.0
    assert caller.given["train"] > 50
    await one.call("predict", b"{}", deadline=now + 0.5)
    assert caller.given["predict"] <= 0.5


async def test_the_state_of_a_plugin_changes_with_its_process_its_settings_and_its_lessons():
    seen = set()
    for _ in range(2):  # the second stands for a changed folder of the same name and version
        entry = make()
        entry.now_ready(Caller(), {}, None)
        seen.add(entry.state)
        await entry.call("learn", b"{}", deadline=1e9)
        seen.add(entry.state)
        entry.settings = Settings(config={"trees": 5})
        seen.add(entry.state)
        await entry.call("predict", b"{}", deadline=1e9)
        seen.add(entry.state)  # nothing new
    assert len(seen) == 6
