"""A host that is asked for far more than it can do, from outside: promise 7 of reliability, without a clock.

The figures by the clock, at ten times what the host can do for 30 s: `python -m tests.benchmarks overload`.
"""

from __future__ import annotations

import asyncio
import itertools
import json

import pytest

from tests.benchmarks.bench_gateway import MANIFEST, Server, body, http_request
from tests.benchmarks.bench_overload import packing, resident_mb
from tests.benchmarks.load import load
from tests.integration.gateway.serving import put_plugin, serving

GROWTH_MB = 100
# It takes its time, so that two requests at a time are few on any machine, and no client is too slow to overload it.
PLUGIN = """
import time

class LeastMemory:
    def score(self, task, candidates):
        time.sleep(0.05)
        return [-node["memoryLoad"] for node in candidates]
"""


@pytest.fixture
def host(tmp_path):
    """One that works on two requests at a time, and waits for a plugin at each."""
    put_plugin(tmp_path, "least-memory", MANIFEST, PLUGIN)
    bounds = {"IN_FLIGHT": "2", "QUEUED": "4", "LARGE_IN_FLIGHT": "1", "LARGE_QUEUED": "2"}
    environment = {f"ENGINE_OPS_ENGINE_{name}": value for name, value in bounds.items()}
    with serving(tmp_path, **environment) as process:
        yield process


@pytest.mark.parametrize("make", [body, packing], ids=["small", "packing"])
def test_each_has_an_answer_or_a_clear_refusal_the_memory_stays_and_the_host_recovers(host, make):
    numbers = itertools.count()
    server = Server(host.popen.pid, host.port)
    answer = host.rpc("engine.optimize", json.loads(make(next(numbers)))["params"])["result"]
    assert answer["success"]
    before = resident_mb(server)

    over = asyncio.run(load(host.port, 1_500, 1.5, lambda: http_request(make(next(numbers))), 150))

    assert (over.hung, over.lost, over.other) == (0, 0, {})
    assert over.answered and over.refused
    assert resident_mb(server) - before < GROWTH_MB
    assert host.ask("/livez")[0] == 200
    again = host.rpc("engine.optimize", json.loads(make(next(numbers)))["params"])
    assert again["result"]["success"] and not any(
        "more to do" in each for each in again["result"].get("reasons", [])
    )
    info = host.rpc("host.info")["result"]["engine"]["admission"]
    assert info["refused"] >= len(over.refused) and info["inFlight"] == info["queued"] == 0


def test_over_rest_a_refusal_is_429_with_the_time_to_wait(host):
    numbers = itertools.count()

    async def beside_load():
        loading = asyncio.create_task(
            load(host.port, 1_500, 1.5, lambda: http_request(packing(next(numbers))), 100)
        )
        while not loading.done():
            request = json.loads(packing(next(numbers)))["params"]
            status, said, headers = await asyncio.to_thread(host.ask, "/api/v1/optimize", request)
            if status != 200:
                break
        await loading
        return status, said, headers

    status, said, headers = asyncio.run(beside_load())
    assert status == 429
    assert int(headers["retry-after"]) >= 1
    assert said["code"] == -32029 and said["kind"] == "busy" and said["retryAfterMs"] > 0
