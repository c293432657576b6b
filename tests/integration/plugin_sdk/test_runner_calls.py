"""Calls to a runner: which are answered while others run, cancelled, late, or behind a training."""

from __future__ import annotations

import time

from plugin_sdk.contract.errors import ErrorCode
from tests.integration.plugin_sdk.running import GATE, HELLO, request


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
    plugin.send(request(1, "initialize", **HELLO))
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
