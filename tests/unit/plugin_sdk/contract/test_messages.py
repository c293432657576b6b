from __future__ import annotations

import json

import msgspec

from plugin_sdk.contract.messages import Abstained, InitializeParams, InitializeResult, Prediction
from plugin_sdk.contract.workload import WorkloadDataPoint


def test_no_as_an_answer_is_always_told_from_other_answers() -> None:
    assert json.loads(msgspec.json.encode(Abstained())) == {"abstained": True}
    assert json.loads(msgspec.json.encode(Abstained("too few"))) == {"abstained": True, "reason": "too few"}


def test_members_a_reader_does_not_know_are_ignored() -> None:
    decoded = msgspec.json.decode(b'{"prediction":1,"modelId":"m","newer":true}', type=Prediction)
    assert decoded == Prediction(1, model_id="m")


def test_a_shell_plugins_smallest_handshake_is_understood() -> None:
    answer = msgspec.json.decode(
        b'{"protocol":1,"plugin":{"name":"sh","version":"1.0.0"},"capabilities":{"optimize":{}}}',
        type=InitializeResult,
    )
    assert answer.capabilities["optimize"].history is False
    params = {
        "protocol": {},
        "host": {"name": "h", "version": "1"},
        "plugin": {"name": "p", "version": "1"},
        "instance": "i",
        "epoch": 1,
        "handles": [],
        "config": {},
        "limits": {},
    }
    assert msgspec.convert(params, InitializeParams).limits.frame_bytes == 8 * 1024 * 1024


def test_points_travel_in_camel_case() -> None:
    point = WorkloadDataPoint(1.0, "resource", {"cpu": 1.0}, 2.0, True)
    said = json.loads(msgspec.json.encode(point))
    assert said["requestType"] == "resource"
    assert said["resourceUsage"] == {"cpu": 1.0}
    assert msgspec.convert(said, WorkloadDataPoint) == point
