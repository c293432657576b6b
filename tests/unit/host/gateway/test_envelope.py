"""The strict reading of bodies."""

from __future__ import annotations

import json
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.gateway.envelope import Call, EnvelopeLimits, JsonError, Refusal, deeper_than, read_body, read_json

LIMITS = EnvelopeLimits()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a": -Infinity}', "Infinity is not a JSON number"),
        (b"1e400", "too large for a double"),
        (b"-1e400", "too large for a double"),
        (b"1" * 5000, "too large for a double"),
        (b'"\xff"', "not valid UTF-8"),
        (b'"\xed\xa0\x80"', "not valid UTF-8"),
        (b'"\\ud800"', "not JSON"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        ("{}".encode("utf-16"), "UTF-16"),
        (b"", "not JSON"),
        (b"{} {}", "not JSON"),
        (b'{"a": 01}', "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'"\x00"', "not JSON"),
        (b"[" * 65 + b"]" * 65, "deeper than 64"),
        (b"[" * 10_000 + b"]" * 10_000, "deeper than 64"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "deeper than 64"),
    ],
)
def test_what_is_not_strict_json_is_refused_and_told_why(body: bytes, says: str) -> None:
    with pytest.raises(JsonError, match=says):
        read_json(body, LIMITS)


def test_a_body_over_the_limit_is_refused_with_both_sizes() -> None:
    with pytest.raises(JsonError, match="has 11 bytes; send at most 10"):
        read_json(b'"123456789"', EnvelopeLimits(max_bytes=10))


def test_sixty_four_levels_are_still_read() -> None:
    assert read_json(b"[" * 64 + b"]" * 64, LIMITS) is not None


def test_brackets_inside_strings_are_not_depth() -> None:
    text = "[{" * 500 + '"\\'
    assert read_json(json.dumps([text]).encode(), LIMITS) == [text]


JSON = st.recursive(
    st.none() | st.integers(-(10**6), 10**6) | st.text(alphabet='[]{}"\\a', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('["\\', max_size=2), inner, max_size=3)
    ),
    max_leaves=12,
)


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((depth(inner) for inner in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((depth(inner) for inner in value), default=0)
    return 0


@given(JSON, st.integers(0, 8))
def test_depth_is_measured_as_a_walk_over_the_value_measures_it(value: object, limit: int) -> None:
    assert deeper_than(json.dumps(value).encode(), limit) is (depth(value) > limit)


@given(
    st.recursive(
        st.text('[]{}"\\a,:'),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('[]{}"\\a'), inner, max_size=3),
    ),
    st.integers(0, 6),
)
def test_brackets_and_quotes_in_texts_are_no_depth(value: object, limit: int) -> None:
    assert deeper_than(msgspec.json.encode(value), limit) is (depth(value) > limit)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_and_never_raise(body: bytes) -> None:
    for entry in read_body(body, LIMITS).entries:
        assert isinstance(entry, Call | Refusal)


@given(JSON)
def test_what_is_read_is_what_a_lenient_reader_reads(value: object) -> None:
    assert read_json(json.dumps(value).encode(), LIMITS) == value


def entry(**members: object) -> bytes:
    return msgspec.json.encode({"jsonrpc": "2.0", "method": "m", "id": 1, **members})


@pytest.mark.parametrize("request_id", [0, -1, 2**80, 1.5, "", "ä", None])
def test_an_id_of_any_legal_kind_is_kept(request_id: object) -> None:
    (call,) = read_body(entry(id=request_id), LIMITS).entries
    assert isinstance(call, Call)
    assert call.element["id"] == request_id


@pytest.mark.parametrize("request_id", [True, [], {}, [1]])
def test_an_id_of_another_kind_is_refused_by_name_and_answered_with_null(request_id: object) -> None:
    (refusal,) = read_body(entry(id=request_id), LIMITS).entries
    assert isinstance(refusal, Refusal)
    assert (refusal.id, refusal.code, refusal.data and refusal.data.path) == (None, -32600, "id")


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"jsonrpc": "1.0"}, "jsonrpc"),
        ({"jsonrpc": 2.0}, "jsonrpc"),
        ({"params": 1}, "params"),
        ({"params": None}, "params"),
    ],
)
def test_a_request_with_one_bad_member_is_told_which_and_keeps_its_id(
    members: dict[str, object], path: str
) -> None:
    (refusal,) = read_body(entry(**members), LIMITS).entries
    assert isinstance(refusal, Refusal)
    assert (refusal.id, refusal.code, refusal.data and refusal.data.path) == (1, -32600, path)


def test_a_batch_over_the_bound_is_one_refusal_that_says_the_bound() -> None:
    body = read_body(b"[" + b",".join([entry()] * 4) + b"]", EnvelopeLimits(max_batch=3))
    (refusal,) = body.entries
    assert isinstance(refusal, Refusal)
    assert refusal.data is not None
    assert refusal.data.hint == "the batch has 4 entries; send at most 3 at once"
    assert body.batch is False


def test_a_huge_bad_value_is_not_sent_back_whole() -> None:
    (refusal,) = read_body(entry(params="x" * 100_000), LIMITS).entries
    assert isinstance(refusal, Refusal)
    assert len(msgspec.json.encode(refusal)) < 1000


@pytest.mark.parametrize("unit", [b'"\\"', b'"', b"NaN ", b'"\\', b"["])
def test_a_large_body_that_is_malformed_is_refused_in_no_time(unit: bytes) -> None:
    body = unit * (LIMITS.max_bytes // len(unit))
    began = time.process_time()
    (refusal,) = read_body(body, LIMITS).entries
    assert isinstance(refusal, Refusal)
    assert time.process_time() - began < 0.5  # seconds; a search of the whole body took 1.6
