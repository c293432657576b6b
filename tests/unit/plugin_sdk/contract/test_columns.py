"""Blocks of columns, packed and read in place."""

from __future__ import annotations

import json
from array import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_sdk.contract.columns import Column, ColumnBlock, ColumnsError, codes, numbers, pack


@given(
    st.lists(
        st.tuples(st.floats(allow_nan=False), st.none() | st.text(max_size=3), st.booleans()), max_size=30
    )
)
def test_what_was_packed_is_read_back_and_lies_aligned(rows):
    values, texts, flags = [r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows]
    block = ColumnBlock(
        pack(len(rows), [numbers("v", values), codes("t", texts), Column("f", "u1", array("B", flags))])
    )
    assert block.names == ("v", "t", "f")
    assert block.array("v").tolist() == values == list(block.view("v"))
    assert block.texts("t") == texts
    assert block.array("f").tolist() == [int(flag) for flag in flags]
    assert all(block.spec(name).offset % 8 == 0 for name in block.names)


def test_another_language_can_read_it_from_the_page_alone():
    data = pack(3, [numbers("duration", [1.0, 2.0, 3.0]), codes("user", ["mia", None, "mia"])])
    assert data[:4] == b"EOC1"
    size = int.from_bytes(data[4:8], "little")
    header = json.loads(data[8 : 8 + size])
    duration, user = header["columns"]
    assert np.frombuffer(data, "<f8", header["count"], duration["offset"]).tolist() == [1.0, 2.0, 3.0]
    assert np.frombuffer(data, "<i4", 3, user["offset"]).tolist() == [0, -1, 0]
    assert user["dictionary"] == ["mia"]


def test_arrays_share_the_blocks_memory():
    data = pack(1000, [numbers("v", range(1000))])
    assert not ColumnBlock(data).array("v").flags["OWNDATA"]


@pytest.mark.parametrize("data", [b"", b"EOC2\0\0\0\0", b"EOC1\x02\0\0\0[]", b"EOC1\xff\xff\xff\xff{}"])
def test_what_is_no_block_says_so(data):
    with pytest.raises(ColumnsError):
        ColumnBlock(data)
