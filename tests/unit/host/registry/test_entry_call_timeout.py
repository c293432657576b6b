"""A plugin's own `call_timeout` cuts the caller's deadline shorter."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from host.registry.entry import PluginEntry, Settings
from plugin_sdk.contract.manifest import Limits, Manifest


class Told:
    """A caller that notes the deadline it is given."""

    def __init__(self) -> None:
        self.deadline = 0.0

    async def call(self, method: str, params: bytes, *, deadline: float) -> msgspec.Raw:
        self.deadline = deadline
        return msgspec.Raw(b"{}")


def entry(told: Told) -> PluginEntry:
    limits = Limits(call_timeout_s=0.3)
    made = PluginEntry(Manifest("a", "1.0.0", ("scheduling",), entry="m:A", limits=limits), Settings())
    made.now_ready(told, {}, None)
    return made


async def test_a_call_may_take_no_longer_than_the_manifest_says():
    told = Told()
    now = asyncio.get_running_loop().time()
    await entry(told).call("optimize", b"{}", deadline=now + 60)
    assert told.deadline == pytest.approx(now + 0.3, abs=0.25)


async def test_a_caller_that_waits_shorter_still_waits_shorter():
    told = Told()
    soon = asyncio.get_running_loop().time() + 0.01
    await entry(told).call("optimize", b"{}", deadline=soon)
    assert told.deadline == soon


async def test_a_training_keeps_its_own_limit():
    told = Told()
    later = asyncio.get_running_loop().time() + 60
    await entry(told).call("train", b"{}", deadline=later)
    assert told.deadline == later
