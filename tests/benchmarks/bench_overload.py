"""Ten times what a host can do, for 30 s: what becomes of those who are admitted, of the rest, and of the host.

Two kinds of requests: small ones, whose cost is HTTP, with one sandboxed plugin; and packings of 300 items, whose cost
is the work. Latencies count from when a request was due; the quiet run before is at three tenths of what was reached.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks.bench_gateway import Server, body, host, http_request, measure
from tests.benchmarks.load import Loaded, load, quantile

QUIET_S = 5.0
OVERLOAD_S = 30.0
RECOVERY_S = 5.0
CONNECTIONS = 300
TIMES = 10.0
DICE = random.Random(5)


def packing(number: int) -> bytes:
    """A request of 300 items that no cache has seen."""
    items = [{"id": f"i{n}", "cpu": DICE.randint(1, 50), "memory": DICE.randint(1, 100)} for n in range(300)]
    data = {"items": items, "nodeCapacity": {"cpu": 100, "memory": 200}}
    params = {"id": f"p{number}", "type": "resource", "data": data}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "engine.optimize", "params": params}).encode()


def resident_mb(server: Server) -> float:
    """Memory of the host, MB."""
    pages = int(Path(f"/proc/{server.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _phases(server: Server, make: Callable[[int], bytes], callers: int) -> dict[str, Any]:
    import uvloop

    numbers = itertools.count()
    fresh = (make(next(numbers)) for _ in itertools.count())

    def request() -> bytes:
        return http_request(make(next(numbers)))

    capacity, _ = uvloop.run(measure(server, callers, fresh))
    quiet = uvloop.run(load(server.port, 0.3 * capacity, QUIET_S, request, CONNECTIONS))
    before = resident_mb(server)
    over = uvloop.run(load(server.port, TIMES * capacity, OVERLOAD_S, request, CONNECTIONS))
    grown = resident_mb(server) - before
    after = uvloop.run(load(server.port, 0.5 * capacity, RECOVERY_S, request, CONNECTIONS))
    calm, loaded = quantile(quiet.answered, 0.99), quantile(over.answered, 0.99)
    return {
        "capacity, answers/s": round(capacity),
        "answers/s under the load; share of capacity (aim 0.7)": _pair(over.goodput, over.goodput / capacity),
        "p99 of the answered, ms: quiet": round(calm * 1e3, 1),
        "p99 of the answered, ms: under the load; times the quiet one (aim 10)": _pair(
            loaded * 1e3, loaded / calm
        ),
        "refused at once; their p99, ms (aim 500)": _pair(
            len(over.refused), quantile(over.refused, 0.99) * 1e3
        ),
        "hung, lost, anything else (aim 0)": _failed(over),
        "due while all connections waited": over.unsent,
        "memory grown by, MB (aim 100)": round(grown, 1),
        "answered in the 5 s after, of what was sent (aim 0.8)": round(len(after.answered) / after.sent, 3),
        "the driver was late by at most, ms": round(max(quiet.late_s, over.late_s) * 1e3),
    }


def _pair(one: float, other: float) -> str:
    return f"{one:,.0f}; {other:.2f}"


def _failed(found: Loaded) -> str:
    return f"{found.hung}, {found.lost}, {sum(found.other.values())}" + (
        f" ({found.other})" if found.other else ""
    )


def run() -> dict[str, Any]:
    """Both kinds."""
    found: dict[str, Any] = {}
    for name, make, plugin, callers in (("small", body, True, 32), ("packing", packing, False, 4)):
        with (
            tempfile.TemporaryDirectory() as folder,
            host(Path(folder), plugin=plugin, cache=False) as server,
        ):
            figures = _phases(server, make, callers)
        found.update({f"{name}: {each}": figure for each, figure in figures.items()})
    return found
