"""The host as its front door sees it, put together by `build` over real plugins."""

from __future__ import annotations

import msgspec
import pytest

from host.app import build
from host.config import HostConfig
from host.errors import NotFoundError
from host.gateway.api import Selection
from host.workload.store.lines import decode_line
from plugin_sdk.contract.problems.request import parse_request
from plugin_sdk.contract.workload import WorkloadDataPoint


@pytest.fixture
def running(folders, tmp_path):
    (tmp_path / "scratch").mkdir()
    return lambda: build(folders.directory, tmp_path / "scratch", HostConfig())


async def test_a_host_without_plugins_is_ready_and_answers(running):
    async with running() as up:
        host = up.host
        assert host.ready() == (True, [])
        request = parse_request(
            {
                "id": "1",
                "type": "resource",
                "data": {"items": [{"id": "a", "cpu": 1}], "nodeCapacity": {"cpu": 2}},
            }
        )
        answer = await host.optimize(request)
        assert answer.success
        stats = await host.workload_stats(Selection())
        assert stats["totalRequests"] == 1
        host.draining = True
        assert host.ready() == (False, ["the host is stopping"])
        assert host.health()["status"] == "draining"


async def test_whatever_lies_in_the_directory_its_state_can_be_written_as_json(running, folders):
    folders.write("broken", manifest="nonsense = 1\n")
    folders.write(
        "absent", manifest='command = ["no-such-program"]\n[config]\nbig = 99999999999999999999999\n'
    )
    async with running() as up:
        await up.supervisor.wait_settled(20)
        info = msgspec.json.decode(msgspec.json.encode(up.host.host_info()))
        assert info["plugins"]["count"] == 1
        assert [each["why"] for each in info["plugins"]["refused"]] != []
        (view,) = up.host.plugins()
        assert (
            msgspec.json.decode(msgspec.json.encode(view))["config"]["config"]["big"]
            == 99999999999999999999999
        )
        assert sum(up.host.health()["plugins"].values()) == 1
        assert up.host.plugin("absent").name == "absent"
        with pytest.raises(NotFoundError):
            up.host.logs("nobody", 10)


async def test_operators_orders_reach_the_plugin(running, folders):
    folders.write("a", manifest='command = ["sleep", "1000"]\n[limits]\nstart_timeout = "200ms"\n')
    async with running() as up:
        await up.host.disable("a")
        assert up.host.plugin("a").state == "stopped"
        assert not up.host.plugin("a").config.enabled
        await up.host.restart("a")
        assert up.host.plugin("a").state == "stopped"


async def test_history_is_kept_as_it_was_recorded(running):
    points = [WorkloadDataPoint(float(n), "resource", {"cpu": 1.0}, 5.0, n % 2 == 0) for n in range(10)]
    async with running() as up:
        assert await up.host.record(points) == 10
        page = await up.host.workload_query(Selection(limit=3))
        assert [decode_line(line) for line in page.points] == points[-3:]
        assert (await up.host.training_format(Selection()))["metadata"]["size"] == 10
