"""How deep a line nests."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from plugin_sdk.protocol.depth import nests_deeper_than

VALUES = st.recursive(
    st.none() | st.integers() | st.text("[]{}\"\\a,:", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("[]{}\"\\a", max_size=4), inner, max_size=3),
    max_leaves=30,
)  # fmt: skip


def depth_of(value):
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


@given(VALUES, st.integers(1, 6))
def test_it_is_what_walking_would_find(value, limit):
    line = json.dumps(value, ensure_ascii=False).encode()
    assert nests_deeper_than(line, limit) == (depth_of(value) > limit)


def test_brackets_in_texts_are_no_nesting_and_a_wide_line_is_not_deep():
    assert not nests_deeper_than(json.dumps(["[" * 1000, '\\"[[[']).encode(), 2)
    assert not nests_deeper_than(json.dumps([[]] * 10_000).encode(), 2)
    assert nests_deeper_than(b"[" * 50_000 + b"]" * 50_000, 100)
