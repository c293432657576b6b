"""The first exchange."""

from __future__ import annotations

import msgspec
import pytest

from host.errors import BadResultError, CallLateError, RemoteError
from host.registry.entry import PluginEntry, Settings
from host.supervisor.handshake import LoadError, initialize
from plugin_sdk.contract.manifest import Limits, Manifest
from plugin_sdk.contract.messages import InitializeParams, WireLimits

GOOD = {"protocol": 1, "plugin": {"name": "a", "version": "1.0.0"}, "capabilities": {"predict": {}}}


class Answering:
    """Answers `initialize` with one thing, and keeps what it was asked."""

    def __init__(self, answer):
        self.answer = answer
        self.params = None

    async def call(self, method, params, *, deadline):
        assert method == "initialize"
        self.params = msgspec.json.decode(params, type=InitializeParams)
        if isinstance(self.answer, Exception):
            raise self.answer
        return msgspec.Raw(
            self.answer if isinstance(self.answer, bytes) else msgspec.json.encode(self.answer)
        )


async def hello(answer):
    manifest = Manifest("a", "1.0.0", ("resource",), entry="p:P", config={"depth": 1})
    entry = PluginEntry(manifest, Settings(config={"depth": 2}))
    entry.epoch = 3
    caller = Answering(answer)
    limits = Limits(memory_bytes=99, call_timeout_s=1.5)
    return await initialize(caller, entry, limits, WireLimits(frame_bytes=7), deadline=1.0), caller.params


async def test_the_plugin_is_told_who_it_is_what_is_set_and_what_it_is_held_to():
    result, told = await hello(GOOD)
    assert set(result.capabilities) == {"predict"}
    assert (told.plugin.name, told.epoch, told.config) == ("a", 3, {"depth": 2})
    assert (told.limits.frame_bytes, told.limits.memory_bytes, told.limits.call_timeout_ms) == (7, 99, 1500)
    assert told.handles == ["resource"]
    assert (await hello(GOOD))[1].instance != told.instance


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"protocol": 2}, "it chose protocol 2; this host speaks 1 to 1"),
        ({"protocol": 0}, "it chose protocol 0"),
        ({"capabilities": {"fly": {}}}, "no methods: fly"),
        ({"capabilities": {"train": {"minPoints": -1}}}, "minPoints below 0"),
    ],
)
async def test_an_answer_that_does_not_fit_is_final(change, says):
    with pytest.raises(LoadError, match=says):
        await hello({**GOOD, **change})


async def test_what_a_plugin_names_is_cut_to_a_readable_length():
    with pytest.raises(LoadError) as caught:
        await hello({**GOOD, "capabilities": {"x" * 100_000: {}}})
    assert len(str(caught.value)) < 300


async def test_a_plugin_that_says_why_it_cannot_be_loaded_is_believed():
    with pytest.raises(LoadError, match="no such module"):
        await hello(RemoteError("a", -32603, "no such module"))


@pytest.mark.parametrize(
    "answer", [b"null", b"[]", b'{"protocol":"1"}', b'{"protocol":1}', b'{"protocol":1,"plugin":5}']
)
async def test_an_answer_that_is_none_may_be_better_next_time(answer):
    with pytest.raises(BadResultError, match="is no answer"):
        await hello(answer)


async def test_a_late_answer_stays_a_late_answer():
    with pytest.raises(CallLateError):
        await hello(CallLateError("a", "no answer"))
