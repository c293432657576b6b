"""How deep a message nests, without walking it."""

from __future__ import annotations

_ROUND = bytes.maketrans(b"[]{}", b"()()")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def nests_deeper_than(line: bytes, depth: int) -> bool:
    """Whether *line*, well-formed JSON, has arrays and objects more than *depth* levels inside each other.

    Most lines are settled by their length, or because they have not so many brackets. Of the others one layer of leaves
    is taken off a round: at most *depth* rounds, each at the speed of `bytes.replace`.
    """
    if len(line) <= 2 * depth or not _opens_more_often_than(line, depth):
        return False
    if b"\\" in line:
        line = line.replace(b"\\\\", b"").replace(b'\\"', b"")  # pairs first: what then escapes a quote does
    shape = b"".join(line.split(b'"')[::2]).translate(_ROUND, _NOT_BRACKETS)  # what stands between the texts
    if b"(" * (depth + 1) in shape:
        return True
    for _ in range(depth):
        if not shape:
            return False
        shape = shape.replace(b"()", b"")
    return bool(shape)


def _opens_more_often_than(line: bytes, times: int) -> bool:
    for bracket in (b"[", b"{"):
        at = line.find(bracket)  # fifteen times as fast as `count`, where there are few
        while at >= 0:
            times -= 1
            if times < 0:
                return True
            at = line.find(bracket, at + 1)
    return False
