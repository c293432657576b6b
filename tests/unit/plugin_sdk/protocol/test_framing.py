from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_sdk.protocol import FrameTooLargeError, LineSplitter

streams = st.binary(max_size=60) | st.lists(
    st.sampled_from([b"\n", b"ab", b"abcdefgh", b"0123456789"]), max_size=12
).map(b"".join)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    at = sorted({cut % (len(data) + 1) for cut in cuts})
    return [data[a:b] for a, b in zip([0, *at], [*at, len(data)], strict=True)]


def outcome(data: bytes, cuts: list[int], limit: int) -> tuple[list[bytes], bool]:
    splitter, lines = LineSplitter(limit), []
    try:
        for piece in pieces(data, cuts):
            lines += splitter.feed(piece)
    except FrameTooLargeError:
        return lines, True
    assert splitter.held == len(data.rpartition(b"\n")[2])
    return lines, False


@given(streams, st.lists(st.integers(0, 1000), max_size=8))
@pytest.mark.fault("wire-any-cuts")
def test_lines_are_the_same_wherever_the_stream_is_cut(data: bytes, cuts: list[int]) -> None:
    assert outcome(data, cuts, 1000) == (data.split(b"\n")[:-1], False)


@given(streams, st.lists(st.integers(0, 1000), max_size=8), st.integers(0, 12))
def test_a_stream_is_refused_when_a_line_is_over_the_limit_however_it_is_cut(
    data: bytes, cuts: list[int], limit: int
) -> None:
    lines, refused = outcome(data, cuts, limit)
    assert refused == any(len(line) > limit for line in data.split(b"\n"))
    assert data.split(b"\n")[: len(lines)] == lines


def test_a_line_is_refused_before_its_end_has_come() -> None:
    splitter = LineSplitter(10)
    splitter.feed(b"x" * 10)
    with pytest.raises(FrameTooLargeError, match="11 bytes or more is over the limit of 10"):
        splitter.feed(b"x")


def test_a_line_that_arrives_in_two_pieces_each_within_the_limit_is_refused_too() -> None:
    splitter = LineSplitter(10)
    splitter.feed(b"x" * 8)
    with pytest.raises(FrameTooLargeError):
        splitter.feed(b"x" * 8 + b"\n")
