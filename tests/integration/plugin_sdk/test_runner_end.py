"""How a runner ends: with its host, by order, and what is answered before it does."""

from __future__ import annotations

import time

from plugin_sdk.contract.errors import ErrorCode
from tests.integration.plugin_sdk.running import CLOSING, GATE, request


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
