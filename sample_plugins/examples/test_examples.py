"""The seed's examples pass every check; a plugin written for the seed's SDK runs with its import line changed alone."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from plugin_sdk import WorkloadDataPoint
from plugin_sdk.contract.messages import OptimizeReply, Prediction
from plugin_sdk.testing import PluginHarness, load_folder, run

HERE = Path(__file__).parent
# In its folder, the seed's SDK; the names are those of CONTRACT's list.
SEEDS_IMPORT = "from ml_plugin_sdk import "


@pytest.mark.parametrize("name", ["full", "standalone"])
def test_an_example_passes_the_checks(name: str) -> None:
    assert run(HERE / name, calls=300, seconds=5.0).ok


def points(count: int) -> list[WorkloadDataPoint]:
    return [
        WorkloadDataPoint(float(n), "scheduling", {"cpu": 1.0}, 1000.0 + n, n % 4 != 0) for n in range(count)
    ]


def test_a_plugin_of_the_seeds_runs_with_its_import_line_changed(tmp_path: Path) -> None:
    ours = (HERE / "full" / "plugin.py").read_text()
    seeds = ours.replace("from plugin_sdk import ", SEEDS_IMPORT)
    assert seeds.count("ml_plugin_sdk") == 1 and not re.search(r"\bplugin_sdk", seeds)
    moved = re.sub(r"^from ml_plugin_sdk import", "from plugin_sdk import", seeds, flags=re.MULTILINE)
    (tmp_path / "plugin.py").write_text(moved)
    (tmp_path / "plugin.toml").write_text((HERE / "full" / "plugin.toml").read_text())
    harness = PluginHarness(load_folder(tmp_path), config={"safety": 2.0})
    assert harness.train(points(40)).trained
    said = harness.predict({"request_type": "scheduling", "workload_size": 200})
    assert isinstance(said, Prediction)
    assert said.prediction["expected_duration"] == pytest.approx(2 * 2 * 1019.5)
    assert said.prediction["success_probability"] == 0.75
    assert said.model_id == "duration-model"
    task = {"id": "t", "cpuRequired": 20, "memoryRequired": 10}
    nodes = [{"id": "a", "cpuLoad": 90, "memoryLoad": 1}, {"id": "b", "cpuLoad": 30, "memoryLoad": 40}]
    request = {"type": "scheduling", "data": {"task": task, "nodes": nodes}}
    answer = harness.optimize(request, history=points(80))
    assert isinstance(answer, OptimizeReply)
    assert answer.result == {"nodeId": "b"}
    assert answer.metadata == {"recent": 50}, "history is handed to it, and what it adds is kept"
    info = harness.describe()
    assert info["plugin"]["name"] == "queue-advisor"
    assert info["model"]["training_metadata"] == {"size": 40, "positives": 30}
    harness.shutdown()


def test_the_standalone_one_can_be_tried_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-E", "plugin.py", "--try"],
        cwd=HERE / "standalone",
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert "'trained': True" in done.stdout and "expected_duration" in done.stdout
