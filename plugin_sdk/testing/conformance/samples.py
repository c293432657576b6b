"""Questions of every kind, small and large, and a history to train on."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from plugin_sdk.contract.workload import WorkloadDataPoint

MINUTE_MS = 60_000.0
HOUR_MS = 60 * MINUTE_MS
_START_MS = 1_700_000_000_000.0
USERS = ("mia", "leo", "ann", "tom", "eva")


@dataclass(frozen=True)
class Sample:
    """A request as a caller sends it.

    Attributes:
        what: In a few words, for messages.
    """

    what: str
    type: str
    data: dict[str, Any]
    constraints: dict[str, Any] | None = None

    def params(self, method: str) -> dict[str, Any] | None:
        """The parameters of *method* for it, as the host makes them; `None` when it is not asked that way."""
        if method == "predict":
            return {"input": self.data} if self.type == "ml-driven" else None
        if method == "optimize":
            asked: dict[str, Any] = {"type": self.type, "data": self.data, "requestId": "check"}
            return {**asked, "constraints": self.constraints} if self.constraints else asked
        if method == "score" and "task" in self.data:
            return {
                "type": self.type,
                "task": {**self.data["task"], "kind": "task"},
                "candidates": self.data["nodes"],
            }
        if method == "score" and "jobs" in self.data:
            rest = {name: value for name, value in self.data.items() if name != "jobs"}
            return {"type": self.type, "task": {**rest, "kind": "queue"}, "candidates": self.data["jobs"]}
        return None


def samples(handles: tuple[str, ...]) -> list[Sample]:
    """The questions for a plugin that handles these types, the largest of each kind last."""
    return [each for kind in handles for each in _OF_TYPE.get(kind, _predictions)()]


def _predictions() -> list[Sample]:
    job = {"user": "mia", "procs": 8, "requestedTime": HOUR_MS, "submitHour": 9.5}
    return [
        Sample("a workload by its size", "ml-driven", {"workload_size": 250, "requestType": "scheduling"}),
        Sample("a job", "ml-driven", {**job, "workload_size": 100}),
        Sample("a job of an unknown user", "ml-driven", {**job, "user": "nobody-has-seen-me"}),
        Sample(
            "a finished piece of work",
            "ml-driven",
            {
                "requestType": "scheduling",
                "duration": 5 * HOUR_MS,
                "resourceUsage": {"cpu": 12.0, "memory": 24.0},
            },
        ),
        Sample("demand in half an hour", "ml-driven", {"horizonMs": 30 * MINUTE_MS, "resource": "cpu"}),
    ]


def _packings() -> list[Sample]:
    chance = random.Random(7)
    items = [{"id": f"i{n}", "cpu": chance.randint(1, 8), "memory": chance.randint(1, 16)} for n in range(60)]
    nodes = [
        {"id": f"n{n}", "capacity": {"cpu": 16, "memory": 32}, "used": {"cpu": n, "memory": 2 * n}}
        for n in range(6)
    ]
    return [
        Sample(
            "two items for one node",
            "resource",
            {
                "items": [{"id": "a", "cpu": 2, "memory": 4}, {"id": "b", "cpu": 1, "memory": 1}],
                "nodeCapacity": {"cpu": 4, "memory": 8},
            },
        ),
        Sample(
            "an item that fits nowhere",
            "resource",
            {"items": [{"id": "a", "cpu": 9}, {"id": "b", "cpu": 1}], "nodeCapacity": {"cpu": 4}},
        ),
        Sample("given nodes, partly used", "resource", {"items": items[:12], "nodes": nodes}),
        Sample(
            "sixty items and a bound on nodes",
            "resource",
            {"items": items, "nodeCapacity": {"cpu": 16, "memory": 32}},
            {"maxNodes": 12},
        ),
    ]


def _schedulings() -> list[Sample]:
    chance = random.Random(11)
    now = 10 * HOUR_MS
    jobs = [
        {
            "id": f"j{n}",
            "submit": now - chance.randint(0, 7_200_000),
            "procs": 2 ** chance.randint(0, 5),
            "requestedTime": chance.choice((600_000, 3_600_000, 14_400_000)),
            "user": chance.choice(USERS),
        }
        for n in range(40)
    ]
    running = [
        {"id": f"r{n}", "procs": 16, "start": now - 600_000 * (n + 1), "requestedTime": 7_200_000}
        for n in range(3)
    ]
    queue = {"jobs": jobs, "running": running, "cluster": {"procs": 64}, "now": now}
    nodes = [
        {"id": f"n{n}", "cpuLoad": chance.randint(0, 95), "memoryLoad": chance.randint(0, 95)}
        for n in range(50)
    ]
    task = {"id": "t", "cpuRequired": 20, "memoryRequired": 10}
    return [
        Sample(
            "one task, two nodes",
            "scheduling",
            {
                "task": task,
                "nodes": [
                    {"id": "a", "cpuLoad": 90, "memoryLoad": 10},
                    {"id": "b", "cpuLoad": 30, "memoryLoad": 40},
                ],
            },
        ),
        Sample(
            "one task, every node too full",
            "scheduling",
            {"task": task, "nodes": [nodes[0] | {"cpuLoad": 99}]},
        ),
        Sample("one task, fifty nodes", "scheduling", {"task": task, "nodes": nodes}),
        Sample("a queue of two jobs", "scheduling", {**queue, "jobs": jobs[:2], "running": []}),
        Sample("a queue of forty jobs", "scheduling", queue),
    ]


def _tunings() -> list[Sample]:
    parameters: list[dict[str, Any]] = [
        {"name": "rate", "kind": "float", "low": 0.0001, "high": 1.0, "log": True},
        {"name": "workers", "kind": "int", "low": 1, "high": 32},
        {"name": "codec", "kind": "choice", "choices": ["lz4", "zstd"]},
    ]
    chance = random.Random(13)
    observations = [
        {
            "params": {
                "rate": 10 ** chance.uniform(-4, 0),
                "workers": chance.randint(1, 32),
                "codec": chance.choice(("lz4", "zstd")),
            },
            "value": chance.uniform(10, 100),
        }
        for _ in range(20)
    ]
    return [
        Sample("a first setting to try", "performance", {"parameters": parameters, "direction": "minimize"}),
        Sample(
            "three more after twenty tries",
            "performance",
            {"parameters": parameters, "observations": observations, "direction": "maximize", "count": 3},
        ),
    ]


_OF_TYPE = {
    "ml-driven": _predictions,
    "resource": _packings,
    "scheduling": _schedulings,
    "performance": _tunings,
}


def history(count: int) -> list[WorkloadDataPoint]:
    """A made-up history in which there is something to learn: users have their usual run times, load has its day.

    Args:
        count: Points in all, of every request type in turn, one a minute.
    """
    chance = random.Random(5)
    points = []
    for n in range(count):
        at = _START_MS + n * MINUTE_MS
        kind = ("scheduling", "resource", "ml-driven", "performance")[n % 4]
        user = USERS[chance.randrange(len(USERS))]
        procs = 2 ** chance.randint(0, 5)
        run_ms = (1 + USERS.index(user)) * 5 * MINUTE_MS * chance.lognormvariate(0, 0.2)
        day = 1 + (n % 1440) / 1440
        points.append(
            WorkloadDataPoint(
                timestamp=at,
                request_type=kind,
                resource_usage={
                    "cpu": 10 * day + chance.gauss(0, 0.5),
                    "memory": 20 * day + chance.gauss(0, 1.0),
                },
                duration=run_ms,
                success=chance.random() < 0.9,
                features={
                    "user": user,
                    "procs": procs,
                    "requestedTime": 4 * HOUR_MS,
                    "submitHour": at % (24 * HOUR_MS) / HOUR_MS,
                    "workload_size": chance.randint(50, 200),
                },
            )
        )
    return points
