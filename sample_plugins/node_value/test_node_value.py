from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from plugin_sdk import Abstained
from plugin_sdk.contract.messages import Scores
from plugin_sdk.testing import PluginHarness, load_folder

SHARE = {"kind": "pod", "cpu": 4.0, "memory": 8192, "gpu": {"count": 1, "milli": 400}}
WHOLE = {"kind": "pod", "cpu": 8.0, "memory": 16384, "gpu": {"count": 1, "milli": 1000}}
NO_GPU = {"kind": "pod", "cpu": 16.0, "memory": 16384}


@pytest.fixture
def harness() -> PluginHarness:
    return PluginHarness(load_folder(Path(__file__).parent))


def node(gpus: list[int], use: list[int], cpu: float = 64.0, model: str = "T4") -> dict[str, Any]:
    return {"id": f"{gpus}", "cpu": cpu, "memory": 200_000, "gpus": gpus, "gpuModel": model, "use": use}


def scored(harness: PluginHarness, pod: dict[str, Any], nodes: list[dict[str, Any]]) -> list[float]:
    answer = harness.score(pod, nodes)
    assert isinstance(answer, Scores)
    return answer.scores


def test_a_share_goes_where_it_fills_a_gpu_rather_than_breaks_a_whole_one(harness: PluginHarness) -> None:
    for _ in range(400):
        scored(harness, WHOLE, [node([1000, 1000], [0])])
        scored(harness, SHARE, [node([1000, 1000], [0])])
    fills, breaks = scored(harness, SHARE, [node([400, 1000], [0]), node([400, 1000], [1])])
    assert fills > breaks


def test_a_pod_without_gpus_leaves_the_cores_of_idle_gpus_alone(harness: PluginHarness) -> None:
    for _ in range(400):
        scored(harness, WHOLE, [node([1000, 1000], [0])])
    full, idle = scored(harness, NO_GPU, [node([0, 0], [], cpu=16.0), node([1000, 1000], [], cpu=16.0)])
    assert full > idle


def test_the_score_of_a_spot_does_not_depend_on_its_neighbours(harness: PluginHarness) -> None:
    spots = [node([1000, 300], [0]), node([500, 700], [1]), node([1000] * 8, [3], model="G2")]
    together = scored(harness, SHARE, spots)
    assert [scored(harness, SHARE, [each])[0] for each in spots] == pytest.approx(together)


def test_a_model_it_has_never_heard_of_is_a_node_like_any_other(harness: PluginHarness) -> None:
    assert len(scored(harness, SHARE, [node([1000], [0], model="H999")])) == 1


def test_what_is_no_pod_is_left_to_others(harness: PluginHarness) -> None:
    assert isinstance(harness.score({"kind": "queue", "now": 0.0}, [{"id": "j"}]), Abstained)
    sixteen = {**node([1000] * 16, [0])}
    assert isinstance(harness.score(SHARE, [sixteen]), Abstained)


def test_a_hundred_spots_are_scored_in_a_few_milliseconds(harness: PluginHarness) -> None:
    spots = [node([1000 - 5 * n, 400], [0], cpu=8.0 + n) for n in range(100)]
    took = []
    for _ in range(9):
        began = time.perf_counter()
        scored(harness, SHARE, spots)
        took.append(time.perf_counter() - began)
    assert min(took) < 0.030  # about 1 ms on a quiet machine; the best of nine, as others share this one
