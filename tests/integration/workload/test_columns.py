"""History in columns inside of sandboxed plugins: shared, whole, and not theirs to change."""

from __future__ import annotations

import pytest

from host.app import build
from host.config import HostConfig
from host.sandbox.policy import SandboxPolicy
from plugin_sdk.contract.workload import WorkloadDataPoint

CODE = """
import os
from plugin_sdk import BaseMLModel, FeatureBuilder

class Plugin(BaseMLModel):
    trains_on_columns = True

    def train(self, data):
        self.builder = FeatureBuilder().fit(data)
        table = self.builder.table(data)
        durations = data.array("duration")
        self.said = {
            "count": len(data), "sum": float(durations.sum()), "copied": bool(durations.flags["OWNDATA"]),
            "shape": list(table.shape), "names": self.builder.names, "types": sorted(set(data[i].request_type for i in (0, -1))),
            "ordered": bool((data.array("timestamp")[1:] >= data.array("timestamp")[:-1]).all()),
        }
        folder = "/shared" if os.path.isdir("/shared") else None
        if folder:
            name = os.listdir(folder)[0]
            try:
                open(os.path.join(folder, name), "r+b")
            except OSError as error:
                self.said["writing"] = type(error).__name__
            try:
                open(os.path.join(folder, "mine"), "wb")
            except OSError as error:
                self.said["making"] = type(error).__name__

    def predict(self, given):
        return {**self.said, "row": self.builder.row(given)}
"""

LEARNER = """
class Plugin:
    learns_on_columns = True

    def __init__(self):
        self.count, self.total, self.shared, self.lots = 0, 0.0, 0, 0

    def learn(self, points, reset=False):
        if reset:
            self.__init__()
        numbers = points.array("features.n")
        self.count += len(points)
        self.total += float(numbers.sum())
        self.shared += points.block is not None and not numbers.flags["OWNDATA"]
        self.lots += 1

    def predict(self, given):
        return {"count": self.count, "total": self.total, "shared": self.shared, "lots": self.lots}
"""


def point(n):
    return WorkloadDataPoint(
        float(n),
        ("ml-driven", "scheduling")[n % 2],
        {"cpu": 1.0},
        2.0,
        True,
        {},
        {"user": f"u{n % 3}", "n": n},
    )


@pytest.mark.parametrize("isolation", ["best-effort", "off"])
async def test_plugins_train_on_all_of_the_history_in_columns(folders, tmp_path, isolation):
    folders.write("a", CODE, manifest="[training]\nby_hand = true\n")
    folders.write("b", CODE, manifest="[training]\nby_hand = true\n")
    (tmp_path / "scratch").mkdir()
    config = HostConfig(sandbox=SandboxPolicy(isolation=isolation))
    async with build(folders.directory, tmp_path / "scratch", config) as up:
        await up.supervisor.wait_settled(60)
        for start in range(0, 12_000, 3000):
            await up.host.record([point(n) for n in range(start, start + 3000)])
        for name in ("a", "b"):
            assert (await up.host.train(name)).trained
            said = (await up.host.predict(name, {"user": "u1", "n": 7}, 10.0)).prediction
            assert (said["count"], said["sum"], said["copied"]) == (12_000, 24_000.0, False)
            assert (said["shape"], said["names"]) == ([12_000, 2], ["n", "user"])
            assert (said["types"], said["ordered"]) == (["ml-driven", "scheduling"], True)
            assert said["row"] == [7.0, 1.0]
            if up.sandbox.tier == "A":
                assert said["writing"] in ("OSError", "PermissionError")
                assert said["making"] in ("OSError", "PermissionError")
            assert up.host.plugin(name).learning.last.points == 12_000
        assert len(list((tmp_path / "bulk" / "shared").iterdir())) == 1, "both were given the same file"


async def test_many_outcomes_are_learned_in_columns_that_plugins_share_and_few_as_they_come(
    folders, tmp_path, eventually
):
    folders.write("c", LEARNER)
    folders.write("d", LEARNER)
    (tmp_path / "scratch").mkdir()
    async with build(folders.directory, tmp_path / "scratch", HostConfig()) as up:
        await up.supervisor.wait_settled(60)
        for start in range(0, 12_000, 3000):
            await up.host.record([point(n) for n in range(start, start + 3000)])
        await up.host.record([point(12_000)])

        def learned():
            return [up.host.plugin(name).learning for name in ("c", "d")]

        await eventually(lambda: all(each.learned_seq == 12_001 for each in learned()), within_s=60)
        await eventually(lambda: all(each.behind == 0 for each in learned()))
        for name in ("c", "d"):
            said = (await up.host.predict(name, {}, 10.0)).prediction
            assert (said["count"], said["total"]) == (12_001, sum(range(12_001)))
            assert said["shared"] >= 1
        assert [each.missed for each in learned()] == [0, 0]
        assert len(list((tmp_path / "bulk" / "shared").iterdir())) == 1, "only the newest is kept"
