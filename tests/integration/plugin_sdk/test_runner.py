"""The runner as a process: what the host sees on its pipes, whatever the author's code does."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from plugin_sdk.contract.errors import ErrorCode

BOUND_S = 15.0  # for anything that is waited for; the machine may be busy


class Plugin:
    """A runner at the other end of two pipes."""

    def __init__(self, folder: Path, text: str, entry: str) -> None:
        (folder / "plugin.py").write_text(textwrap.dedent(text))
        self.folder = folder
        self.log = folder / "log.txt"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "plugin_sdk.runner", "--entry", entry, "--folder", str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=folder,
                bufsize=0,
            )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.writing, self.reading = self.process.stdin, self.process.stdout
        self._held = b""

    def send(self, *messages: dict[str, Any] | bytes) -> None:
        """All in one write."""
        lines = [
            m if isinstance(m, bytes) else json.dumps({"jsonrpc": "2.0", **m}).encode() for m in messages
        ]
        self.writing.write(b"".join(line + b"\n" for line in lines))

    def call(self, request_id: int, method: str, **params: Any) -> dict[str, Any]:
        self.send(request(request_id, method, **params))
        answer = self.receive()
        assert answer["id"] == request_id, answer
        return answer

    def receive(self) -> dict[str, Any]:
        until = time.monotonic() + BOUND_S
        while b"\n" not in self._held:
            ready, _, _ = select.select([self.reading], [], [], max(until - time.monotonic(), 0))
            assert ready, f"nothing was said within {BOUND_S} s; the log: {self.log.read_text()}"
            data = os.read(self.reading.fileno(), 65536)
            assert data, f"the plugin closed its end; the log: {self.log.read_text()}"
            self._held += data
        line, _, self._held = self._held.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    def initialize(self, **members: Any) -> dict[str, Any]:
        params = {
            "protocol": {"min": 1, "max": 1},
            "host": {"name": "test", "version": "1"},
            "plugin": {"name": "mine", "version": "1.2.3"},
            "instance": "i",
            "epoch": 1,
            "handles": ["resource"],
            "config": {},
            "limits": {},
            **members,
        }
        return self.call(0, "initialize", **params)

    def within(self, condition: Callable[[], bool]) -> None:
        until = time.monotonic() + BOUND_S
        while not condition():
            assert time.monotonic() < until, f"it did not come; the log: {self.log.read_text()}"
            select.select([], [], [], 0.002)

    def exited(self) -> int:
        return self.process.wait(BOUND_S)


def request(request_id: int, method: str, **params: Any) -> dict[str, Any]:
    return {"id": request_id, "method": method, "params": params}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Plugin]]:
    started: list[Plugin] = []

    def start_one(text: str, entry: str = "plugin:P", *, ready: bool = True) -> Plugin:
        folder = tmp_path / f"plugin{len(started)}"
        folder.mkdir()
        started.append(Plugin(folder, text, entry))
        if ready:
            answer = started[-1].initialize()
            assert "result" in answer, answer
        return started[-1]

    yield start_one
    for plugin in started:
        plugin.process.kill()
        plugin.process.wait(BOUND_S)
        plugin.writing.close()
        plugin.reading.close()


# Waits for a file, so that the tests decide when a handler ends.
GATE = """
import os, time
from plugin_sdk import CallContext
def gate(name):
    open(name + ".begun", "w").close()
    until = time.monotonic() + 15
    while not os.path.exists(name) and time.monotonic() < until:
        time.sleep(0.001)
class P:
    ran = []
    def predict(self, x):
        self.ran.append(x)
        if isinstance(x, str):
            gate(x)
        return list(self.ran)
    def score(self, task, candidates, context):
        open("scoring", "w").close()
        until = time.monotonic() + 15
        while not context.cancelled and time.monotonic() < until:
            time.sleep(0.001)
        open("saw_cancel", "w").close()
        return [0.0]
"""


def test_whatever_is_printed_goes_to_the_log_and_not_into_the_protocol(start) -> None:
    plugin = start("""
        import os, subprocess, sys
        print("at import")
        os.write(1, b"raw\\n")
        os.system("echo from a child")
        class P:
            def predict(self, x):
                print("in a call")
                sys.stdout.write('{"jsonrpc":"2.0","id":5,"result":"forged"}\\n')
                subprocess.run(["sh", "-c", "cat; echo child again"])
                return sys.stdin.read()
        """)
    assert plugin.call(5, "predict", input=1)["result"]["prediction"] == ""
    plugin.within(lambda: "child again" in plugin.log.read_text())
    log = plugin.log.read_text()
    assert all(said in log for said in ("at import", "raw", "from a child", "in a call", "forged"))


def test_a_forked_child_that_runs_on_neither_answers_nor_reads(start) -> None:
    plugin = start("""
        import os
        class P:
            def predict(self, x):
                if x == "fork":
                    os.fork()
                return os.getpid()
        """)
    pids = [
        plugin.call(n, "predict", input=what)["result"]["prediction"] for n, what in enumerate(("fork", 1, 2))
    ]
    assert pids == [plugin.process.pid] * 3


def test_ping_is_answered_while_a_call_runs(start) -> None:
    plugin = start(GATE)
    plugin.send(request(1, "predict", input="go"))
    plugin.within((plugin.folder / "go.begun").exists)
    for ping in (2, 3):
        assert plugin.call(ping, "ping") == {"jsonrpc": "2.0", "id": ping, "result": {}}
    (plugin.folder / "go").touch()
    assert plugin.receive()["id"] == 1
    assert plugin.call(4, "predict", input=0)["result"]["prediction"] == ["go", 0]


def test_ping_is_answered_while_the_authors_module_is_still_importing(start) -> None:
    plugin = start(GATE + "gate('import')", ready=False)
    params = {
        "protocol": {},
        "host": {"name": "t", "version": "1"},
        "plugin": {"name": "p", "version": "1"},
        "instance": "i",
        "epoch": 1,
        "handles": [],
        "config": {},
        "limits": {},
    }
    plugin.send(request(1, "initialize", **params))
    plugin.within((plugin.folder / "import.begun").exists)
    assert plugin.call(2, "ping")["result"] == {}
    (plugin.folder / "import").touch()
    assert plugin.receive()["result"]["protocol"] == 1


def test_a_quick_answer_does_not_wait_for_the_slow_call_behind_it(start) -> None:
    plugin = start(GATE)
    plugin.send(request(1, "predict", input=0), request(2, "predict", input="go"))
    assert plugin.receive()["id"] == 1
    assert not (plugin.folder / "go").exists()
    (plugin.folder / "go").touch()
    assert plugin.receive()["id"] == 2


def test_a_running_call_hears_that_it_was_cancelled_and_is_answered_all_the_same(start) -> None:
    plugin = start(GATE)
    plugin.send(request(1, "score", type="scheduling", task={}, candidates=[1]))
    plugin.within((plugin.folder / "scoring").exists)
    plugin.send({"method": "$/cancelRequest", "params": {"id": 1}})
    answer = plugin.receive()
    assert (answer["id"], answer["error"]["code"]) == (1, ErrorCode.CANCELLED)
    assert (plugin.folder / "saw_cancel").exists()


def test_a_queued_call_that_was_cancelled_is_answered_and_never_run(start) -> None:
    plugin = start(GATE)
    plugin.send(request(1, "predict", input="go"))
    plugin.within((plugin.folder / "go.begun").exists)
    plugin.send(
        request(2, "predict", input=2),
        {"method": "$/cancelRequest", "params": {"id": 2}},
        {"method": "$/cancelRequest", "params": {"id": 99}},
        request(3, "ping"),
    )
    assert plugin.receive()["id"] == 3  # so the cancel was heard before the gate opens
    (plugin.folder / "go").touch()
    answers = {answer["id"]: answer for answer in (plugin.receive(), plugin.receive())}
    assert answers[2]["error"]["code"] == ErrorCode.CANCELLED
    assert plugin.call(4, "predict", input=4)["result"]["prediction"] == ["go", 4]


def test_a_call_whose_deadline_passed_in_the_queue_is_not_run(start) -> None:
    plugin = start(GATE)
    plugin.send(
        request(1, "predict", input="go"),
        request(2, "predict", input=2, _meta={"deadlineMs": 1}),
        request(3, "predict", input=3, _meta={"deadlineMs": 60_000}),
    )
    plugin.within((plugin.folder / "go.begun").exists)
    begun = time.monotonic()
    plugin.within(lambda: time.monotonic() - begun > 0.005)
    (plugin.folder / "go").touch()
    answers = {answer["id"]: answer for answer in (plugin.receive() for _ in range(3))}
    assert answers[2]["error"]["code"] == ErrorCode.DEADLINE_EXCEEDED
    assert answers[2]["error"]["data"]["kind"] == "deadlineExceeded"
    assert answers[3]["result"]["prediction"] == ["go", 3]


def test_the_old_model_serves_while_the_new_one_trains(start) -> None:
    plugin = start(
        GATE
        + """
class Model:
    size = 0
    def predict(self, x): return self.size
    def train(self, data):
        CallContext.current().progress(0.5, "half")
        gate("train")
        self.size = len(data)
""",
        "plugin:Model",
    )
    point = {"timestamp": 1, "requestType": "a", "resourceUsage": {}, "duration": 1, "success": True}
    plugin.send(request(1, "train", points=[point] * 12, _meta={"progressToken": "t"}))
    progress = plugin.receive()
    assert progress["method"] == "$/progress"
    assert progress["params"] == {"token": "t", "fraction": 0.5, "message": "half"}
    plugin.within((plugin.folder / "train.begun").exists)
    assert plugin.call(2, "predict", input=0)["result"]["prediction"] == 0
    (plugin.folder / "train").touch()
    assert plugin.receive()["result"] == {"trained": True, "size": 12}
    assert plugin.call(3, "predict", input=0)["result"]["prediction"] == 12


def test_a_training_that_was_cancelled_changes_nothing(start) -> None:
    plugin = start(
        GATE
        + """
class Model:
    size = 0
    def predict(self, x): return self.size
    def train(self, data):
        gate("train")
        self.size = 1
""",
        "plugin:Model",
    )
    plugin.send(request(1, "train", points=[]))
    plugin.within((plugin.folder / "train.begun").exists)
    plugin.send({"method": "$/cancelRequest", "params": {"id": 1}}, request(2, "ping"))
    assert plugin.receive()["id"] == 2
    (plugin.folder / "train").touch()
    assert plugin.receive()["error"]["code"] == ErrorCode.CANCELLED
    assert plugin.call(3, "predict", input=0)["result"]["prediction"] == 0


CLOSING = """
import time
class P:
    def predict(self, x):
        if x == "hang":
            open("hanging", "w").close()
            time.sleep(600)
        return x
    def shutdown(self):
        open("closed", "w").close()
"""


def test_the_end_of_stdin_ends_the_process_after_its_shutdown(start) -> None:
    plugin = start(CLOSING)
    plugin.send(request(1, "predict", input=7))
    plugin.writing.close()
    assert plugin.receive()["result"]["prediction"] == 7
    assert plugin.exited() == 0
    assert (plugin.folder / "closed").exists()


def test_a_plugin_that_hangs_ends_when_its_host_has_gone(start) -> None:
    plugin = start(CLOSING)
    plugin.send(request(1, "predict", input="hang"))
    plugin.within((plugin.folder / "hanging").exists)
    plugin.writing.close()
    plugin.reading.close()
    assert plugin.exited() == 0


def test_what_was_asked_before_the_end_of_stdin_is_answered_while_somebody_reads(start) -> None:
    plugin = start(GATE)
    plugin.send(request(1, "predict", input="go"), request(2, "predict", input=2))
    plugin.within((plugin.folder / "go.begun").exists)
    plugin.writing.close()
    begun = time.monotonic()
    plugin.within(lambda: time.monotonic() - begun > 2.2)  # longer than a goodbye
    (plugin.folder / "go").touch()
    assert [plugin.receive()["id"] for _ in range(2)] == [1, 2]
    assert plugin.exited() == 0


def test_a_host_that_stopped_reading_ends_the_process(start) -> None:
    plugin = start(CLOSING)
    plugin.reading.close()
    plugin.send(request(1, "predict", input=7))
    assert plugin.exited() == 0


def test_shutdown_is_answered_and_what_was_queued_is_refused(start) -> None:
    plugin = start(CLOSING)
    plugin.send(request(1, "shutdown"), request(2, "predict", input=1))  # one write: both are read at once
    answers = {answer["id"]: answer for answer in (plugin.receive(), plugin.receive())}
    assert answers[1]["result"] == {}
    assert answers[2]["error"]["code"] == ErrorCode.DRAINING
    assert plugin.exited() == 0
    assert (plugin.folder / "closed").exists()


def test_a_short_training_is_answered_before_the_shutdown_behind_it(start) -> None:
    plugin = start("""
        class P:
            def predict(self, x): return x
            def train(self, data): return {"points": len(data)}
        """)
    plugin.send(request(1, "train", points=[]), request(2, "shutdown"))
    assert plugin.receive()["result"] == {"trained": True, "metrics": {"points": 0.0}}
    assert plugin.receive() == {"jsonrpc": "2.0", "id": 2, "result": {}}
    assert plugin.exited() == 0


def test_nothing_but_initialize_is_answered_first_and_it_only_once(start) -> None:
    plugin = start("class P:\n    def predict(self, x): return x", ready=False)
    assert plugin.call(1, "predict", input=1)["error"]["code"] == ErrorCode.NOT_INITIALIZED
    assert plugin.call(2, "ping")["result"] == {}
    assert plugin.call(3, "initialize", protocol=1)["error"]["code"] == ErrorCode.INVALID_PARAMS
    assert plugin.initialize()["result"]["capabilities"] == {"describe": {}, "predict": {"batch": True}}
    assert plugin.initialize()["error"]["code"] == ErrorCode.INVALID_REQUEST


def test_another_protocol_is_refused_and_the_process_ends(start) -> None:
    plugin = start("class P:\n    def predict(self, x): return x", ready=False)
    answer = plugin.initialize(protocol={"min": 2, "max": 3})
    assert answer["error"]["code"] == ErrorCode.UNSUPPORTED_VERSION
    assert plugin.exited() == 1


def test_a_module_that_does_not_import_answers_initialize_and_logs_the_traceback(start) -> None:
    plugin = start("x = 1\nimport not_there_at_all", ready=False)
    error = plugin.initialize()["error"]
    assert error["code"] == ErrorCode.PLUGIN_ERROR
    assert "plugin.py, line 2: ModuleNotFoundError: No module named 'not_there_at_all'" in error["message"]
    assert "not_there_at_all" in error["data"]["cause"]
    assert plugin.exited() == 1
    assert "Traceback" in plugin.log.read_text()


def test_what_the_authors_code_raises_is_answered_and_the_plugin_goes_on(start) -> None:
    plugin = start("""
        import sys
        class P:
            def predict(self, x):
                if x == "exit": sys.exit(3)
                if x == "memory": raise MemoryError
                if x == "nan": return {"a": float("nan")}
                if x == "big": return "x" * 2000
                return 1 / x
        """)
    error = plugin.call(1, "predict", input=0)["error"]
    assert (error["code"], error["message"]) == (
        ErrorCode.PLUGIN_ERROR,
        "ZeroDivisionError: division by zero",
    )
    assert plugin.call(2, "predict", input="exit")["error"]["message"] == "SystemExit: 3"
    assert plugin.call(3, "predict", input="memory")["error"]["code"] == ErrorCode.OUT_OF_MEMORY
    assert plugin.call(4, "predict", input="nan")["error"]["code"] == ErrorCode.BAD_RESULT
    assert plugin.call(5, "predict", input=2)["result"]["prediction"] == 0.5
    assert "in predict" in plugin.log.read_text()


def test_an_answer_over_the_hosts_frame_limit_is_held_back(start) -> None:
    plugin = start("class P:\n    def predict(self, x): return 'x' * x", ready=False)
    assert "result" in plugin.initialize(limits={"frameBytes": 1000})
    assert plugin.call(1, "predict", input=2000)["error"]["code"] == ErrorCode.FRAME_TOO_LARGE
    assert len(plugin.call(2, "predict", input=500)["result"]["prediction"]) == 500


def test_junk_from_the_host_is_answered_and_the_plugin_goes_on(start) -> None:
    plugin = start(GATE)
    plugin.send(b"rubbish", b'{"jsonrpc":"2.0","id":null,"result":1}', request(1, "ping"))
    error = plugin.receive()
    assert (error["id"], error["error"]["code"]) == (None, ErrorCode.PARSE_ERROR)
    assert plugin.receive()["id"] == 1
    assert "rubbish" in plugin.log.read_text()


def test_the_hosts_seed_decides_the_random_numbers(start) -> None:
    text = """
        import random
        class P:
            def predict(self, x):
                import numpy as np  # late, as many do
                return [random.random(), float(np.random.random())]
        """
    drawn = []
    for seed in (1, 1, 2):
        plugin = start(text, ready=False)
        plugin.initialize(seed=seed)
        drawn.append(plugin.call(1, "predict", input=0)["result"]["prediction"])
    assert drawn[0] == drawn[1]
    assert drawn[0][0] != drawn[2][0]
    assert drawn[0][1] != drawn[2][1]


def test_reading_goes_back_and_forth_without_losing_a_call(start) -> None:
    """Handlers around the 10 ms at which the standby takes over, with pings in between."""
    plugin = start("""
        import time
        class P:
            def predict(self, ms):
                until = time.monotonic() + ms / 1000
                while time.monotonic() < until: pass
                return ms
        """)
    expected = set()
    for n in range(0, 60, 2):
        plugin.send(request(n, "predict", input=8 + n % 9), request(n + 1, "ping"))
        expected |= {n, n + 1}
        if n % 3 == 0:
            expected.remove(plugin.receive()["id"])
    while expected:
        expected.remove(plugin.receive()["id"])
    assert plugin.call(1000, "predict", input=0)["result"]["prediction"] == 0


def test_a_plugin_written_for_the_seed_runs_with_its_import_line_changed(start) -> None:
    plugin = start(
        """
        from typing import Any, Dict, List, Optional
        from plugin_sdk import (
            BaseMLModel, MLPluginInterface, PluginMetadata, PredictionResult, WorkloadDataPoint
        )

        class AverageModel(BaseMLModel):
            def __init__(self, model_id: str = "average"):
                super().__init__(model_id)
                self.averages: Dict[str, float] = {}

            def train(self, data: List[WorkloadDataPoint]) -> None:
                if not self.validate_training_data(data):
                    raise ValueError("Insufficient training data")
                features, labels = self.preprocess_data(data)
                assert len(features) == len(labels)
                by_type: Dict[str, List[float]] = {}
                for point in data:
                    by_type.setdefault(point.request_type, []).append(point.duration)
                self.averages = {name: sum(d) / len(d) for name, d in by_type.items()}
                self.is_trained = True
                self.training_metadata = {"data_points": len(data)}

            def predict(self, input_data: Dict[str, Any]) -> PredictionResult:
                if not self.is_trained:
                    return PredictionResult({"duration": 0}, 0.0, self.model_id, {"trained": False})
                return PredictionResult({"duration": self.averages[input_data["type"]]}, 0.8, self.model_id)

        class AveragePlugin(MLPluginInterface):
            def __init__(self, config: Optional[Dict[str, Any]] = None):
                metadata = PluginMetadata("average", "1.0.0", "Averages", supported_types=["resource"])
                super().__init__(metadata, AverageModel())

            def init(self, config=None):
                super().init(config)
                self.scale = self.config.get("scale", 1)

            def optimize(self, request_data, historical_data=None):
                result = self.predict(request_data)
                seen = len(historical_data) if historical_data else 0
                return {
                    "success": True,
                    "result": {"duration": result.prediction["duration"] * self.scale, "seen": seen},
                    "confidence": result.confidence,
                    "model_id": result.model_id,
                }
        """,
        "plugin:AveragePlugin",
        ready=False,
    )
    declared = plugin.initialize(config={"scale": 10})["result"]
    assert declared["handles"] == ["resource"]
    assert declared["modelId"] == "average"
    assert declared["capabilities"]["optimize"] == {"history": True}
    points = [
        {
            "timestamp": n,
            "requestType": "resource",
            "resourceUsage": {"cpu": 1},
            "duration": n,
            "success": True,
        }
        for n in range(10)
    ]
    assert plugin.call(1, "train", points=points)["result"] == {"trained": True, "size": 10}
    assert plugin.call(2, "learn", points=points[:4])["result"] == {"accepted": 4}
    answer = plugin.call(3, "optimize", type="resource", data={"type": "resource"})["result"]
    assert answer == {"result": {"duration": 45.0, "seen": 4}, "confidence": 0.8, "modelId": "average"}
    assert plugin.call(4, "optimize", type="scheduling", data={})["result"]["abstained"] is True
    info = plugin.call(5, "describe")["result"]
    assert info["plugin"]["supported_types"] == ["resource"]
    assert info["model"]["training_metadata"] == {"data_points": 10}
    assert info["is_initialized"] is True


def test_wrong_arguments_show_the_usage() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "plugin_sdk.runner", "--entry", "plugin:P"],
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("usage:")
    assert done.stdout == ""
