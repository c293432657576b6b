"""Plugins that learn, in their sandbox: judged before they serve, saved, and restored by the next host."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle

import pytest

from host.app import build
from host.config import HostConfig
from host.errors import NotFoundError
from host.sandbox.policy import SandboxPolicy
from host.workload.history import HistoryConfig
from host.workload.teacher import TeacherConfig
from plugin_sdk.contract.workload import WorkloadDataPoint

CODE = """
from plugin_sdk import BaseMLModel

class Plugin(BaseMLModel):
    bad = False
    seen = 0

    def train(self, data):
        durations = [point.duration for point in data if point.features]
        self.mean = sum(durations) / len(durations)
        if any(point.metadata.get("poison") for point in data):
            self.mean *= 100

    def learn(self, points, reset=False):
        self.seen = (0 if reset else self.seen) + len(points)

    def predict(self, given):
        return {"expected_duration": self.mean, "seen": self.seen}
"""


class Poison:
    """Unpickled, it leaves a trace."""

    def __init__(self, paths):
        self.paths = paths

    def __reduce__(self):
        return os.system, (f"touch {' '.join(self.paths)}",)


MANIFEST = "[training]\nby_hand = true\n"


def outcomes(first, count, **metadata):
    return [
        WorkloadDataPoint(float(n), "ml-driven", {}, 100.0, True, dict(metadata), {"n": n})
        for n in range(first, first + count)
    ]


@pytest.fixture
def start(folders, tmp_path):
    """`async with start() as host:`, on the same data each time."""
    config = HostConfig(
        sandbox=SandboxPolicy(isolation="best-effort"),
        history=HistoryConfig(points=1000),
        teaching=TeacherConfig(tick_s=0.01, save_s=0.2),
    )

    @contextlib.asynccontextmanager
    async def started():
        (tmp_path / "data" / "scratch").mkdir(parents=True, exist_ok=True)
        async with build(folders.directory, tmp_path / "data" / "scratch", config, tmp_path / "data") as up:
            await up.supervisor.wait_settled(60)
            yield up.host

    return started


def learning(host):
    return host.plugin("a").learning


@pytest.mark.fault("model-worse")
async def test_a_worse_model_is_not_taken_into_use_and_what_is_known_outlives_the_host(
    start, folders, eventually
):
    folders.write("a", CODE, manifest=MANIFEST)
    async with start() as host:
        await host.record(outcomes(0, 100))
        assert (await host.train("a")).trained
        await eventually(lambda: learning(host).learned_seq == 100)
        await host.record(outcomes(100, 20, poison=True) + outcomes(120, 40))
        reply = await host.train("a")
        assert not reply.trained
        assert "did worse" in reply.reason
        report = learning(host).last
        assert (report.accepted, report.serving, report.measure) == (False, 1.0, "duration")
        assert report.candidate < 0.5
        prediction = await host.predict("a", {"n": 1}, 5.0)
        assert prediction.prediction["expected_duration"] == 100.0
        await eventually(lambda: learning(host).learned_seq == 160)
        await eventually(lambda: learning(host).state.seq == 160)
    async with start() as host:
        state = learning(host).state
        assert (state.restored, state.seq) == (True, 160)
        prediction = await host.predict("a", {"n": 1}, 5.0)
        assert prediction.prediction == {"expected_duration": 100.0, "seen": 160}
        await host.record(outcomes(160, 5))
        await eventually(lambda: learning(host).learned_seq == 165)
        assert (await host.predict("a", {"n": 1}, 5.0)).prediction["seen"] == 165, "each outcome once"


async def test_an_operator_goes_back_to_an_earlier_state_and_forth_again(start, folders, eventually):
    folders.write("a", CODE, manifest=MANIFEST)
    async with start() as host:
        for known in (20, 40, 60):
            await host.record(outcomes(known - 20, 20))
            await eventually(lambda known=known: learning(host).learned_seq == known)
            assert (await host.train("a")).trained
            async with asyncio.timeout(60):  # what it learned may be saved before what it was trained on
                while [(each.seq, each.trained_points) for each in await host.states("a")][:1] != [
                    (known, known)
                ]:
                    await asyncio.sleep(0.01)

        async def standing(version):
            return next(each.standing for each in await host.states("a") if each.version == version)

        async def seen():
            await eventually(lambda: learning(host).learned_seq == 60, within_s=60)
            return (await host.predict("a", {"n": 1}, 5.0)).prediction["seen"]

        newest, earlier, *_ = await host.states("a")
        assert (newest.next, newest.fits, earlier.next) == (True, True, False)
        assert await host.roll_back("a", None) == earlier.version
        assert host.plugin("a").state == "ready"
        assert learning(host).state.restored
        await eventually(lambda: host.plugin("a").trained)
        assert await standing(newest.version) == "withdrawn"
        assert await seen() == 60, "what came after the state was handed to it again"
        assert await host.roll_back("a", newest.version) == newest.version
        assert learning(host).state.restored
        assert await standing(newest.version) == "kept"
        await host.disable("a")
        assert await host.roll_back("a", None) == earlier.version, "also while it does not run"
        assert host.plugin("a").state == "stopped"
        await host.enable("a")
        assert learning(host).state.restored
        with pytest.raises(NotFoundError, match="no state 999"):
            await host.roll_back("a", 999)
    async with start() as host:
        assert learning(host).state.restored


@pytest.mark.fault("state-bad")
async def test_with_a_torn_and_with_a_poisoned_state_it_starts_without_and_says_so(
    start, folders, tmp_path, eventually
):
    folders.write("a", CODE, manifest=MANIFEST)
    async with start() as host:
        await host.record(outcomes(0, 100))
        assert (await host.train("a")).trained
        await eventually(lambda: learning(host).state.version is not None)
    states = sorted((tmp_path / "data" / "states" / "a").glob("*.state"))
    for path in states:
        path.write_bytes(path.read_bytes()[:-5])
    async with start() as host:
        assert host.plugin("a").state == "ready"
        assert learning(host).state.restored is None
        assert "is damaged" in learning(host).state.note
        await eventually(lambda: learning(host).learned_seq == 100)
        assert (await host.train("a")).trained
        await eventually(lambda: learning(host).state.version is not None)
    from host.workload.states import StateStore, fits

    store = StateStore(tmp_path / "data" / "states", 10_000, 3)
    fitting = fits("1.0.0", {}, folders.directory / "a")
    traces = [tmp_path / "trace", folders.directory / "a" / "trace"]
    for bad in (b"not what it saved", pickle.dumps(Poison([str(each) for each in traces]))):
        store.save("a", "1.0.0", fitting, bad, "pickle", 100, 100)
        async with start() as host:
            assert host.plugin("a").state == "ready"
            assert learning(host).state.restored is False
            assert "started without its state" in learning(host).state.note
            await eventually(lambda: learning(host).learned_seq == 100)
            await host.states("a")
    assert not any(each.exists() for each in traces), "nobody outside of the sandbox ran what the state says"
    pickle.loads(pickle.dumps(Poison([str(traces[0])])))
    assert traces[0].exists(), "the poison is one"


@pytest.mark.fault("state-deadly")
async def test_a_state_that_kills_the_plugin_is_not_handed_to_it_again(start, folders, tmp_path, eventually):
    folders.write(
        "a",
        CODE + "\n    def save_state(self):\n        return b'fine'\n"
        "\n    def load_state(self, data):\n        import os\n        os._exit(3)\n",
        manifest=MANIFEST,
    )
    from host.workload.states import StateStore, fits

    (tmp_path / "data").mkdir()
    store = StateStore(tmp_path / "data" / "states", 10_000, 3)
    store.save("a", "1.0.0", fits("1.0.0", {}, folders.directory / "a"), b"deadly", "own", 0, 0)
    async with start() as host:
        await eventually(lambda: host.plugin("a").state == "ready", within_s=60)
        assert list((tmp_path / "data" / "states" / "a").glob("*.rejected-*"))
