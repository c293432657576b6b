"""Honest work goes on under the filters as without them: libraries, the runner, and programs in other languages.

Each piece of work runs free first, in the same process; confined it must come to the same result.
"""

from __future__ import annotations

import json
import os
import platform
import random
import select
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from host.sandbox.seccomp.profiles import SeccompProfile
from host.sandbox.seccomp.syscalls import AUDIT_ARCH, this_arch
from tests.integration.sandbox.filtered import BOUND_S, IDENTITIES, ROOT, command, orders, run

pytestmark = pytest.mark.skipif(
    platform.system() != "Linux" or this_arch() not in AUDIT_ARCH, reason="seccomp tables are for Linux only"
)
as_each = pytest.mark.parametrize("identity", IDENTITIES)

PLUGIN = SeccompProfile()
STRICT = SeccompProfile(shared_memory=False, own_files=False, own_pids=False)
profiles = pytest.mark.parametrize("profile", [PLUGIN, STRICT], ids=["plugin", "strict"])
SAMPLES = ROOT / "sample_plugins"

THREADED = """
import asyncio, json, threading, queue, concurrent.futures
async def work():
    reading, writing = await asyncio.wait_for(echo(), 30)
    return [reading, writing, await asyncio.to_thread(json.dumps, {"a": [1, 2.5, None]})]
async def echo():
    import socket
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    other_reader, other_writer = await asyncio.open_unix_connection(sock=theirs)
    writer.write(b"x" * 50_000 + b"\\n")
    said = await other_reader.readline()
    other_writer.write(b"back\\n")
    heard = await reader.readline()
    for each in (writer, other_writer):
        each.close()
        await each.wait_closed()
    return len(said), heard.decode()
def hand_over():
    given, taken = queue.Queue(), queue.Queue()
    threads = [threading.Thread(target=lambda: taken.put(given.get() ** 2)) for _ in range(8)]
    for each in threads: each.start()
    for number in range(8): given.put(number)
    for each in threads: each.join()
    return sorted(taken.get() for _ in range(8))
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    pooled = list(pool.map(len, ["", "a", "bb"]))
result = [asyncio.run(work()), hand_over(), pooled]
"""

FILES = """
import mmap, os, shutil, signal, sqlite3, tempfile, time, ctypes
with tempfile.TemporaryDirectory() as folder:
    one = os.path.join(folder, "one")
    with open(one, "wb+") as file:
        file.write(b"x" * 8192)
        file.flush()
        with mmap.mmap(file.fileno(), 0) as shared:
            shared[0] = 65
            first = shared[0]
    os.rename(one, one + "2")
    os.symlink("one2", one)
    with sqlite3.connect(os.path.join(folder, "db")) as base:
        base.execute("create table t (a)")
        base.execute("insert into t values (1)")
        rows = base.execute("select count(*) from t").fetchone()[0]
    base.close()
    listed = sorted(os.listdir(folder))
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
signal.setitimer(signal.ITIMER_REAL, 0.01)
rang = signal.sigwait([signal.SIGALRM])
called = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda value: value + 1)(41)
result = [first, rows, listed, called, int(rang), len(os.urandom(8)), time.tzname[0] != ""]
"""

NUMPY = """
import tempfile
import numpy as np
random = np.random.default_rng(7)
matrix = random.normal(size=(300, 300))
with tempfile.TemporaryFile() as file:
    np.save(file, matrix)
    file.seek(0)
    same = bool((np.load(file) == matrix).all())
with tempfile.NamedTemporaryFile() as file:
    mapped = np.memmap(file.name, dtype="f8", mode="w+", shape=(100,))
    mapped[:] = 2.0
    mapped.flush()
    total = float(mapped.sum())
values, vectors = np.linalg.eigh(matrix @ matrix.T)
spectrum = np.abs(np.fft.rfft(matrix[0])).round(6).tolist()
solved = np.linalg.solve(matrix, matrix[0])
result = [same, total, float(values.sum().round(4)), spectrum[:4], np.allclose(matrix @ solved, matrix[0])]
"""

LEARNING = """
import joblib, threadpoolctl, warnings
import numpy as np
from sklearn.cluster import KMeans
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
random = np.random.default_rng(3)
X = random.normal(size=(1500, 6))
y = 2 * X[:, 0] - X[:, 1] ** 2 + random.normal(size=1500) * 0.1
forest = RandomForestRegressor(n_estimators=20, n_jobs=2, random_state=1).fit(X[:1000], y[:1000])
boosted = HistGradientBoostingRegressor(max_iter=20, random_state=1).fit(X[:1000], y[:1000])
means = KMeans(4, n_init=2, random_state=1).fit(X)
process = GaussianProcessRegressor(random_state=1).fit(X[:60], y[:60])
logistic = LogisticRegression().fit(X, y > 0)
scores = cross_val_score(RandomForestRegressor(5, random_state=1), X[:300], y[:300], n_jobs=1)
threads = joblib.Parallel(n_jobs=2, backend="threading")(joblib.delayed(abs)(i) for i in range(-4, 0))
pools = threadpoolctl.threadpool_info()
result = {
    "forest": round(forest.score(X[1000:], y[1000:]), 6),
    "boosted": round(boosted.score(X[1000:], y[1000:]), 6),
    "means": round(means.inertia_, 3),
    "process": round(float(process.predict(X[:1])[0]), 5),
    "logistic": round(logistic.score(X, y > 0), 6),
    "scores": [round(float(each), 6) for each in scores],
    "threads": threads,
    "openmp": max([p["num_threads"] for p in pools if p["user_api"] == "openmp"], default=0),
}
"""


@as_each
@profiles
@pytest.mark.parametrize(
    "work", [THREADED, FILES], ids=["threads and asyncio", "files, timers, sqlite, ctypes"]
)
def test_the_standard_library_works_under_the_filter(identity, profile, work):
    ended = run(profile, work, identity)
    assert ended.code == 0, ended.errors
    assert ended.confined == ended.free


@as_each
def test_another_event_loop_works_under_the_filter(identity):
    pytest.importorskip("uvloop")
    ended = run(PLUGIN, "import uvloop\n" + THREADED.replace("asyncio.run(", "uvloop.run("), identity)
    assert ended.code == 0, ended.errors
    assert ended.confined == ended.free


@as_each
@profiles
def test_numpy_works_under_the_filter(identity, profile):
    ended = run(profile, NUMPY, identity)
    assert ended.code == 0, ended.errors
    assert ended.confined == ended.free


@as_each
@profiles
def test_scikit_learn_fits_with_openmp_threads_under_the_filter(identity, profile, monkeypatch):
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "2")
    # The default cap, held as it is where there is no cgroup.
    ended = run(profile, LEARNING, identity, data_bytes=None if profile.shared_memory else 512 << 20)
    assert ended.code == 0, ended.errors
    assert ended.confined == ended.free
    assert ended.confined["forest"] > 0.8
    assert ended.confined["boosted"] > 0.8
    assert ended.confined["openmp"] == 2


# --- whole plugins: what they say on their pipes


class Talk:
    """A plugin's process, asked over its pipes."""

    def __init__(self, text: str, **more: Any) -> None:
        self.process = subprocess.Popen(
            command(text), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more
        )
        self._held = b""

    def ask(self, number: int, method: str, **params: Any) -> Any:
        """Sends a request, returns its result."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        line = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        while b"\n" not in self._held:
            ready, _, _ = select.select([self.process.stdout], [], [], BOUND_S)
            data = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            assert data, f"{method} was not answered: {self.end()}"
            self._held += data
        answer, _, self._held = self._held.partition(b"\n")
        said = json.loads(answer)
        assert said["id"] == number, said
        return said["result"]

    def end(self) -> tuple[int, str]:
        """Its exit code, and what it wrote to stderr."""
        try:
            _, errors = self.process.communicate(timeout=BOUND_S)
        finally:
            self.process.kill()
            self.process.communicate()
        return self.process.returncode, errors.decode()


INITIALIZE = {
    "protocol": {"min": 1, "max": 1},
    "host": {"name": "test", "version": "1"},
    "plugin": {"name": "mine", "version": "1.0.0"},
    "instance": "i",
    "epoch": 1,
    "handles": ["scheduling"],
    "config": {},
    "limits": {},
}
HOUR_MS = 3_600_000.0


def points(count: int) -> list[dict[str, Any]]:
    chance = random.Random(1)
    return [
        {
            "timestamp": index * HOUR_MS,
            "requestType": "scheduling",
            "resourceUsage": {"procs": 1},
            "duration": 1000.0 * 2 ** (index % 8) * chance.uniform(0.9, 1.1),
            "success": True,
            "features": {"user": f"u{index % 8}", "procs": 1, "requestedTime": HOUR_MS},
        }
        for index in range(count)
    ]


# As a zygote's fork does it: the modules are there, the runner's main is called in this process.
RUNNER = """
import os, sys
sys.path.insert(0, {folder!r})
import numpy, msgspec, sklearn.ensemble, asyncio, logging, plugin_sdk.runner.serve
from plugin_sdk.runner.__main__ import main
if confined:
    os.chdir({folder!r})
    sys.exit(main(["--entry", "plugin:RuntimeForest", "--folder", {folder!r}]))
sklearn.ensemble.RandomForestRegressor(2, n_jobs=1).fit([[0.0], [1.0]], [0.0, 1.0])
"""


@as_each
@profiles
def test_a_forest_learns_and_predicts_in_the_runner_under_the_filter(identity, profile):
    profile = SeccompProfile(
        shared_memory=profile.shared_memory,
        own_files=profile.own_files,
        own_pids=profile.own_pids,
        listener=False,
    )
    code = RUNNER.format(folder=str(SAMPLES / "runtime_forest"))
    plugin = Talk(orders(profile, code, identity, free=True))
    try:
        assert plugin.process.stdout is not None
        assert plugin.process.stdout.readline().startswith(b'{"run": "free"')
        assert plugin.ask(0, "initialize", **INITIALIZE)["protocol"] == 1
        assert plugin.ask(1, "train", points=points(400))["trained"] is True
        asked = {"user": "u3", "procs": 1, "requestedTime": HOUR_MS}
        expected = plugin.ask(2, "predict", input=asked)["prediction"]["expected_duration"]
        assert 4_000 < expected < 16_000
        plugin.ask(3, "shutdown")
    finally:
        code, errors = plugin.end()
    assert code == 0, errors


def other_language(profile: SeccompProfile, folder: Path, argv: list[str], identity: str) -> Talk:
    code = f"import os\nos.chdir({str(folder)!r})\nos.execvp({argv[0]!r}, {argv!r})"
    return Talk(orders(profile, code, identity, free=False))


@as_each
@pytest.mark.parametrize(
    "profile",
    [SeccompProfile(subprocess=True, listener=False), SeccompProfile(exec="always", listener=False)],
    ids=["subprocess", "exec alone"],
)
def test_node_orders_a_queue_under_the_filter(identity, profile):
    """Node starts threads and no children: it needs the exec at the start and nothing more."""
    if not shutil.which("node"):
        pytest.skip("this machine has no node: nothing was tried")
    plugin = other_language(profile, SAMPLES / "node_sjf", ["node", "plugin.js"], identity)
    try:
        assert plugin.ask(0, "initialize", **INITIALIZE)["protocol"] == 1
        jobs = [
            {"id": name, "submit": 0.0, "procs": 4, "requestedTime": hours * HOUR_MS}
            for name, hours in (("long", 9), ("short", 1), ("middle", 3))
        ]
        data = {"jobs": jobs, "cluster": {"procs": 4}, "now": 0.0}
        answer = plugin.ask(1, "optimize", type="scheduling", data=data)["result"]
        assert answer["order"] == ["short", "middle", "long"]
    finally:
        code, errors = plugin.end()
    assert code == 0, errors


@as_each
def test_sh_and_awk_place_a_task_under_the_filter(identity):
    if not (shutil.which("sh") and shutil.which("awk")):
        pytest.skip("this machine has no sh or no awk: nothing was tried")
    profile = SeccompProfile(subprocess=True, listener=False)
    plugin = other_language(profile, SAMPLES / "shell_spread", ["./plugin.sh"], identity)
    try:
        assert plugin.ask(0, "initialize", **INITIALIZE)["protocol"] == 1
        nodes = [{"id": n, "cpuLoad": load, "memoryLoad": load} for n, load in (("busy", 80), ("idle", 5))]
        task = {"id": "t", "cpuRequired": 5, "memoryRequired": 5}
        answer = plugin.ask(1, "optimize", type="scheduling", data={"task": task, "nodes": nodes})
        assert answer["result"]["nodeId"] == "idle"
    finally:
        code, errors = plugin.end()
    assert code == 0, errors


@as_each
def test_pipes_background_jobs_and_children_of_python_work_with_subprocess(identity):
    work = """
    import subprocess, multiprocessing
    script = "set -e; x=$(printf 'b\\\\na\\\\n' | sort | head -n 1); (exit 3) || y=$?; sleep 0 & wait $!; echo $x $y"
    out = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, start_new_session=True)
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as child:
        child.kill()
    result = [out.stdout, out.returncode, child.returncode]
    """
    ended = run(SeccompProfile(subprocess=True), work, identity)
    assert ended.code == 0, ended.errors
    assert ended.free == ended.confined == ["a 3\n", 0, -9]
