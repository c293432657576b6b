"""The kept end of what a program says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from host.process.output_log import OutputLog


def test_an_unfinished_line_is_shown_and_then_completed():
    log = OutputLog()
    log.feed(b"one\ntw")
    assert log.tail(9) == ["one", "tw"]
    log.feed(b"o\r\n")
    assert log.tail(9) == ["one", "two"]
    assert log.tail(1) == ["two"]
    assert log.tail(0) == log.tail(-1) == []
    assert log.bytes_seen == 9


def test_a_line_without_an_end_does_not_grow_the_host():
    log = OutputLog(lines=4)
    for _ in range(64):
        log.feed(b"x" * 65536)
    kept = log.tail(100)
    assert len(kept) <= 5
    assert max(map(len, kept)) <= 4096


def test_bytes_that_are_no_text_are_shown_as_such():
    log = OutputLog()
    log.feed(b"\xff\xfe\n")
    assert log.tail(1) == ["\ufffd\ufffd"]


@given(st.lists(st.binary(max_size=300), max_size=30), st.integers(1, 20))
def test_however_the_bytes_are_cut_the_lines_are_the_same(chunks, lines):
    cut, whole = OutputLog(lines), OutputLog(lines)
    for chunk in chunks:
        cut.feed(chunk)
    whole.feed(b"".join(chunks))
    assert cut.tail(100) == whole.tail(100)
    assert cut.bytes_seen == whole.bytes_seen


@given(st.lists(st.binary(max_size=60), max_size=30), st.integers(1, 5))
def test_every_finished_line_is_counted_kept_or_not(chunks, lines):
    log = OutputLog(lines)
    for chunk in chunks:
        log.feed(chunk)
    log.end()
    whole = b"".join(chunks)
    assert log.lines_seen == whole.count(b"\n") + (not whole.endswith(b"\n") and bool(whole))
    assert len(log.finished()) == min(lines, log.lines_seen)
