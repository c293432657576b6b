"""What is shown of a plugin."""

from __future__ import annotations

from pathlib import Path

import pytest

from host.process.exits import ExitReport
from host.registry.entry import PluginEntry, Settings
from host.sandbox.machine import Machine
from host.sandbox.policy import SandboxPolicy
from host.sandbox.sandbox import Sandbox
from host.supervisor.lifecycle import PluginState
from host.supervisor.status import STORY_LINES, PluginStatus
from plugin_sdk.contract.manifest import Manifest

MANIFEST = Manifest("a", "1.2.0", ("resource",), entry="plugin:P")
SANDBOX = Sandbox(SandboxPolicy(), Machine("user", landlock_abi=7, seccomp=True))


@pytest.fixture
def entry():
    return PluginEntry(MANIFEST, Settings())


def shown(status, entry, child=None):
    return status.view(entry, Path("/plugins/a"), child, SANDBOX)


def test_before_its_first_start_it_has_no_process_and_what_would_hold_it_is_said(entry):
    seen = shown(PluginStatus(5.0), entry)
    assert (seen.name, seen.version, seen.folder) == ("a", "1.2.0", "/plugins/a")
    assert (seen.state, seen.state_since, seen.state_why) == ("discovered", 5.0, "its folder was found")
    assert (seen.pid, seen.memory_bytes, seen.p50_ms, seen.last_exit) == (None, None, None, None)
    assert (seen.epoch, seen.restarts, seen.story) == (0, 0, [])
    assert (seen.isolation.tier, seen.isolation.layers) == ("A", SANDBOX.layers)


def test_a_move_is_its_state_with_time_and_reason_and_a_line_of_the_story(entry):
    status = PluginStatus(0.0)
    status.moved(PluginState.VERIFYING, "it is to be started", 7000.0)
    seen = shown(status, entry)
    assert (seen.state, seen.state_since, seen.state_why) == ("verifying", 7000.0, "it is to be started")
    (line,) = seen.story
    assert line.endswith(" verifying: it is to be started")


def test_an_end_is_told_and_the_story_keeps_the_latest(entry):
    status = PluginStatus(0.0)
    for number in range(STORY_LINES + 8):
        status.buried(ExitReport(cause="exit", summary=f"end {number}", at_ms=0.0, lived_s=0.0))
    story = shown(status, entry).story
    assert len(story) == STORY_LINES
    assert story[-1].endswith(f" end {STORY_LINES + 7}")


def test_a_view_is_a_picture_that_later_moves_do_not_change(entry):
    status = PluginStatus(0.0)
    before = shown(status, entry)
    status.moved(PluginState.VERIFYING, "now", 1.0)
    assert (before.state, before.story) == ("discovered", [])


def test_latencies_are_those_of_its_calls_in_milliseconds(entry):
    status = PluginStatus(0.0)
    for _ in range(100):
        status.counts.latency.add(0.002)
    seen = shown(status, entry)
    assert seen.p50_ms == pytest.approx(2.0, rel=0.1)
    assert seen.p99_ms == pytest.approx(2.0, rel=0.1)
