"""The built-ins: decisions a second beside plain Python and the packages people would use; and what checking costs.

Seconds are processor time of this process, since others may be on the machine; ratios are what counts.
"""

from __future__ import annotations

import importlib.util
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

from host.engine.checks import packing, placement, queue
from host.solvers.one_task import least_loaded
from host.solvers.packing import first_fit_decreasing
from host.solvers.pods.solve import best_fit_pods, dot_product_pods, fgd_pods, gpu_packing_pods
from host.solvers.queue import easy, in_order_of
from host.solvers.queue_orders import ORDERS
from host.solvers.stop import never
from plugin_sdk.contract.problems.one_task import parse_one_task
from plugin_sdk.contract.problems.packing import parse_packing
from plugin_sdk.contract.problems.placement import parse_placement
from plugin_sdk.contract.problems.queue import parse_queue

MANY_ITEMS = 100_000
MANY_NODES = 10_000
DICE = random.Random(4711)


def cpu_s(work: Callable[[], Any], rounds: int = 1) -> float:
    """Processor seconds of one run; the median of the rounds."""
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return statistics.median(taken)


def items(count: int) -> dict[str, Any]:
    """Items in two resources, on equal nodes that take about four."""
    return {
        "items": [
            {"id": f"i{n}", "cpu": DICE.randint(1, 50), "memory": DICE.randint(1, 100)} for n in range(count)
        ],
        "nodeCapacity": {"cpu": 100, "memory": 200},
    }


def plain_first_fit(data: dict[str, Any]) -> int:
    """First fit decreasing as one writes it first."""
    nodes: list[list[float]] = []
    top = data["nodeCapacity"]
    for item in sorted(
        data["items"], key=lambda each: -max(each["cpu"] / top["cpu"], each["memory"] / top["memory"])
    ):
        for node in nodes:
            if node[0] >= item["cpu"] and node[1] >= item["memory"]:
                break
        else:
            node = [top["cpu"], top["memory"]]
            nodes.append(node)
        node[0] -= item["cpu"]
        node[1] -= item["memory"]
    return len(nodes)


def _packing() -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for count in (1_000, 10_000):
        data = items(count)
        problem = parse_packing(data)
        ours, theirs = (
            cpu_s(lambda p=problem: first_fit_decreasing(p)),
            cpu_s(lambda d=data: plain_first_fit(d)),
        )
        answer = first_fit_decreasing(problem)
        shown[f"{count:,} items, first fit decreasing, 3 orders"] = f"{ours:.3f} s, {len(answer.nodes)} nodes"
        shown[f"{count:,} items, plain Python, 1 order"] = f"{theirs:.3f} s, {plain_first_fit(data)} nodes"
        check = cpu_s(lambda p=problem, a=answer: (packing.verify(p, a), packing.objective(p, a)), 3)
        shown[f"{count:,} items, verification"] = f"{check:.4f} s, {check / ours:.1%} of solving"
    problem = parse_packing(items(MANY_ITEMS))
    began = time.process_time()
    answer = first_fit_decreasing(problem, lambda: time.process_time() - began > 3.0)
    took = time.process_time() - began
    check = cpu_s(lambda: (packing.verify(problem, answer), packing.objective(problem, answer)))
    shown[f"{MANY_ITEMS:,} items"] = (
        f"{took:.2f} s, {len(answer.nodes)} nodes, bound {packing.bound(problem)[1]:.0f}"
    )
    shown[f"{MANY_ITEMS:,} items, verification"] = f"{check:.3f} s, {check / took:.1%} of solving"
    if importlib.util.find_spec("binpacking") is None:
        shown["1-D: binpacking"] = "not installed; pip install 'engine-ops[bench]'"
        return shown
    import binpacking

    sizes = {f"i{n}": DICE.randint(1, 60) for n in range(3_000)}
    one = parse_packing(
        {"items": [{"id": k, "cpu": v} for k, v in sizes.items()], "nodeCapacity": {"cpu": 100}}
    )
    ours = cpu_s(lambda: first_fit_decreasing(one))
    theirs = cpu_s(lambda: binpacking.to_constant_volume(sizes, 100))
    bins = len(binpacking.to_constant_volume(sizes, 100))
    shown["1-D, 3,000 items: ours"] = f"{ours:.3f} s, {len(first_fit_decreasing(one).nodes)} nodes"
    shown["1-D, 3,000 items: binpacking"] = f"{theirs:.3f} s, {bins} nodes; {theirs / ours:.1f} x our time"
    return shown


def _placement() -> dict[str, Any]:
    from host.solvers.placement.fgd import Fgd
    from host.solvers.placement.nodes import Node, NodeColumns
    from host.solvers.placement.placer import Placer
    from host.solvers.placement.policies import BestFit, DotProduct, GpuPacking, Policy
    from host.solvers.placement.shapes import Shape, typical_of

    nodes = [
        Node(
            f"n{n:05d}",
            DICE.choice([32, 64, 96]) * 1000,
            256,
            tuple([1000] * DICE.choice([0, 2, 4, 8])),
            "T4",
        )
        for n in range(MANY_NODES)
    ]
    shapes = [Shape(4000, 8, 1, milli) for milli in (250, 500, 1000)] + [Shape(8000, 16)]
    shown: dict[str, Any] = {}
    for policy in (BestFit(), DotProduct(), GpuPacking(), Fgd(typical_of(shapes))):
        placer = Placer(NodeColumns(nodes), shapes, policy)
        for shape in range(len(shapes)):
            placer.place(shape)  # looks at every node once, and remembers

        def many(placer: Placer = placer) -> None:
            for turn in range(2_000):
                placer.place(turn % len(shapes))

        shown[f"one pod among {MANY_NODES:,} nodes, {policy.name}"] = f"{cpu_s(many) / 2_000 * 1e6:.0f} us"
    columns = NodeColumns(nodes)
    for name, policy in (
        ("best-fit", BestFit()),
        ("dot-product", DotProduct()),
        ("gpu-packing", GpuPacking()),
        ("fgd", Fgd(typical_of(shapes))),
        ("fgd without numba", Fgd(typical_of(shapes), compiled=False)),
    ):

        def once(policy: Policy = policy) -> None:
            Placer(columns, shapes, policy).choose(1)

        shown[f"one pod among {MANY_NODES:,} nodes, {name}, nothing remembered"] = (
            f"{cpu_s(once, 50) * 1e6:.0f} us"
        )

    def plain() -> None:
        best, least = None, float("inf")
        for node in nodes:
            if (
                node.cpu_milli >= 4000
                and node.memory >= 8
                and sum(1 for each in node.gpu_left if each >= 500) >= 1
            ):
                left = node.cpu_milli / 128_000 + sum(node.gpu_left) / 8000
                if left < least:
                    best, least = node, left
        assert best is not None

    shown[f"one pod among {MANY_NODES:,} nodes, plain Python"] = f"{cpu_s(plain, 5) * 1e6:.0f} us"
    pods = [
        {
            "id": f"p{n}",
            "cpu": DICE.choice([1, 2, 4]),
            "memory": 4,
            "gpu": DICE.choice([None, {"milli": 300}, {"count": 2}]),
        }
        for n in range(500)
    ]
    given = [{"id": f"n{n}", "cpu": 64, "memory": 256, "gpus": DICE.choice([0, 4, 8])} for n in range(300)]
    problem = parse_placement({"pods": pods, "nodes": given})
    fgd_pods(problem)
    for name, solve in (
        ("fgd", fgd_pods),
        ("best-fit", best_fit_pods),
        ("gpu-packing", gpu_packing_pods),
        ("dot-product", dot_product_pods),
    ):
        answer = solve(problem, never)
        assert answer is not None
        took = cpu_s(lambda solve=solve: solve(problem, never))
        check = cpu_s(lambda a=answer: (placement.verify(problem, a), placement.objective(problem, a)), 3)
        shown[f"500 pods on 300 nodes, {name}"] = (
            f"{500 / took:,.0f} pods a second; verification {check / took:.1%} of it"
        )
    return shown


def _assignment() -> dict[str, Any]:
    """Least loaded, one after the other, beside the optimal assignment of as many tasks to as many nodes at once."""
    loads = [
        {"id": f"n{n}", "cpuLoad": DICE.uniform(0, 70), "memoryLoad": DICE.uniform(0, 70)} for n in range(200)
    ]
    task = {"id": "t", "cpuRequired": 10, "memoryRequired": 10}
    problem = parse_one_task({"task": task, "nodes": loads})
    one = cpu_s(lambda: least_loaded(problem), 50)
    shown: dict[str, Any] = {"one task, 200 nodes, least-loaded": f"{1 / one:,.0f} decisions a second"}
    if importlib.util.find_spec("scipy") is not None:
        import numpy as np
        from scipy.optimize import linear_sum_assignment

        cost = np.array([[node["cpuLoad"] + node["memoryLoad"] for node in loads] for _ in range(200)])
        whole = cpu_s(lambda: linear_sum_assignment(cost), 5)
        shown["200 tasks, 200 nodes, scipy linear_sum_assignment"] = f"{200 / whole:,.0f} decisions a second"
    return shown


def _queue() -> dict[str, Any]:
    jobs = [
        {
            "id": f"j{n}",
            "submit": n * 1000,
            "procs": DICE.randint(1, 32),
            "requestedTime": DICE.randint(1, 3600) * 1000,
        }
        for n in range(100)
    ]
    running = [{"id": f"r{n}", "procs": 8, "start": 0, "requestedTime": 10**6 + n * 60_000} for n in range(7)]
    problem = parse_queue({"jobs": jobs, "running": running, "cluster": {"procs": 64}, "now": 200_000})
    shown: dict[str, Any] = {}
    for name, solve in (("easy", easy), *((name, in_order_of(name)) for name in ORDERS)):
        took = cpu_s(lambda solve=solve: solve(problem, never), 20)
        answer = solve(problem, never)
        assert answer is not None
        check = cpu_s(lambda a=answer: queue.assess(problem, a), 5)
        shown[f"100 jobs, {name}"] = (
            f"{1 / max(took, 1e-7):,.0f} decisions a second; projecting it to its objective {check * 1000:.1f} ms"
        )
    return shown


def run() -> dict[str, Any]:
    """All of it."""
    return {**_packing(), **_placement(), **_assignment(), **_queue()}
