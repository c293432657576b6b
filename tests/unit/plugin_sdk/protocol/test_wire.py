from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from plugin_sdk.protocol import wire

objects = st.dictionaries(
    st.text(max_size=5).filter(lambda k: k != "_meta"), st.integers() | st.text(), max_size=3
)


@given(st.integers(0, 2**53) | st.text(max_size=9), objects)
def test_a_result_line_is_one_line_of_json_with_the_same_id(request_id: int | str, result: dict) -> None:
    line = wire.result_bytes(request_id, wire.encode_json(result))
    assert line.endswith(b"\n")
    assert b"\n" not in line[:-1]
    assert json.loads(line) == {"jsonrpc": "2.0", "id": request_id, "result": result}


@given(objects, objects)
def test_meta_is_spliced_in_beside_the_parameters(params: dict, meta: dict) -> None:
    line = wire.request_bytes(7, "predict", wire.encode_json(params), wire.encode_json(meta))
    assert line.index(b"\n") == len(line) - 1
    assert json.loads(line) == {
        "jsonrpc": "2.0",
        "id": 7,
        "method": "predict",
        "params": {**params, "_meta": meta},
    }


def test_an_error_line_has_data_only_when_there_is_any() -> None:
    assert json.loads(wire.error_bytes(None, -32700, "no")) == {
        "jsonrpc": "2.0",
        "id": None,
        "error": {"code": -32700, "message": "no"},
    }
    assert json.loads(wire.error_bytes("a", -32000, "late", {"kind": "x"}))["error"]["data"] == {"kind": "x"}
    assert json.loads(wire.notification_bytes("log", b"{}")) == {
        "jsonrpc": "2.0",
        "method": "log",
        "params": {},
    }
