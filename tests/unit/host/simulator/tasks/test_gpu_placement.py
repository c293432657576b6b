from __future__ import annotations

import random
from typing import Any

import pytest

from host.simulator.play import Advice, Ask, Options, Reply, alone
from host.simulator.tasks.gpu_placement import GpuPlacementTask
from host.traces.openb import Openb, OpenbNode, OpenbPod

from ..scripted import played

SCORED = Advice(methods=frozenset({"score"}))


@pytest.fixture
def data() -> Openb:
    chance = random.Random(3)
    nodes = [
        OpenbNode(f"n{n:02}", 64_000, 256, chance.choice([2, 4, 8]), chance.choice(["T4", "V100"]))
        for n in range(20)
    ]
    pods = []
    for number in range(300):
        gpus = chance.choice([0, 1, 1, 1, 2])
        milli = 0 if not gpus else 1000 if gpus > 1 else chance.choice([200, 500, 1000])
        models = ("T4",) if gpus and chance.random() < 0.1 else ()
        pods.append(OpenbPod(f"p{number}", chance.choice([2000, 8000]), 8, gpus, milli, models))
    return Openb(nodes, {"default": pods})


def fullest(ask: Ask, params: dict[str, Any]) -> Reply:
    """Best fit by CPU and GPU, as the built-in weighs them."""
    pod = params["task"]
    gpu = pod.get("gpu", {"count": 0, "milli": 0})
    scores = []
    for node in params["candidates"]:
        cpu_left = (node["cpu"] - pod["cpu"]) / 128
        gpu_left = (sum(node["gpus"]) - gpu["count"] * gpu["milli"]) / 8000
        tight = sum(node["gpus"][each] for each in node["use"]) / 1e9 if gpu["milli"] < 1000 else 0.0
        scores.append(float(int(100 * (1 - 0.5 * (cpu_left + gpu_left)))) - tight)
    return Reply(scores=scores)


def test_a_plugin_that_scores_like_best_fit_places_like_it(data: Openb) -> None:
    task = GpuPlacementTask(data, Options(seeds=(1, 2), guard=False))
    for case in task.cases():
        mine, _ = played(task.play(case, SCORED), fullest)
        assert mine.metrics == alone(task.play(case, Advice("best-fit"))).metrics
        assert mine.fallbacks == 0


def test_a_score_is_asked_for_again_only_when_its_node_has_changed(data: Openb) -> None:
    task = GpuPlacementTask(data, Options(seeds=(1,), guard=False))
    result, asked = played(task.play(task.cases()[0], SCORED), fullest)
    candidates = sum(len(params["candidates"]) for _, params in asked)
    assert len(asked) <= result.decisions
    assert candidates < result.decisions * len(data.nodes) / 4


def test_every_spot_that_is_offered_has_room(data: Openb) -> None:
    task = GpuPlacementTask(data, Options(seeds=(1,), guard=False))
    _, asked = played(task.play(task.cases()[0], SCORED), fullest)
    for _, params in asked:
        pod = params["task"]
        for node in params["candidates"]:
            assert node["cpu"] >= pod["cpu"] and node["memory"] >= pod["memory"]
            if "gpu" in pod:
                assert len(node["use"]) == pod["gpu"]["count"]
                assert all(node["gpus"][each] >= pod["gpu"]["milli"] for each in node["use"])
                assert node["gpuModel"] in pod["gpu"].get("models", [node["gpuModel"]])


def test_a_plugin_that_says_nothing_is_fgd(data: Openb) -> None:
    task = GpuPlacementTask(data, Options(seeds=(1,), guard=False))
    [case] = task.cases()
    silent, _ = played(task.play(case, SCORED))
    assert silent.metrics == alone(task.play(case, Advice("fgd"))).metrics
    assert silent.fallbacks > 0


def emptiest(ask: Ask, params: dict[str, Any]) -> Reply:
    """Breaks a whole GPU, of the emptiest node, wherever it can."""
    return Reply(scores=[float(sum(node["gpus"])) for node in params["candidates"]])


def test_a_plugin_that_fragments_is_set_aside_by_the_guard(data: Openb) -> None:
    allocated = {}
    for guard in (False, True):
        task = GpuPlacementTask(data, Options(seeds=(1,), guard=guard))
        result, _ = played(task.play(task.cases()[0], SCORED), emptiest)
        allocated[guard] = result.metrics["allocated at 130 %"]
        assert (result.fallbacks > 0) is guard
    fgd = alone(task.play(task.cases()[0], Advice("fgd"))).metrics["allocated at 130 %"]
    assert fgd > allocated[False]
    assert allocated[True] > allocated[False]


def test_no_question_knows_of_a_pod_that_has_not_come(data: Openb) -> None:
    task = GpuPlacementTask(data, Options(seeds=(1,)))
    order = data.order("default", 1)
    changed = Openb(data.nodes, data.pods, {"default/1": [*order[:150], *reversed(order[150:])]})
    heard = []
    for each in (task, GpuPlacementTask(changed, Options(seeds=(1,)))):
        _, asked = played(each.play(each.cases()[0], SCORED), fullest)
        heard.append(asked[:100])
    assert heard[0] == heard[1]
