"""How deep a message nests, without walking it."""

from __future__ import annotations

import re

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_ROUND = bytes.maketrans(b"[]{}", b"()()")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def nests_deeper_than(line: bytes, depth: int) -> bool:
    """Whether *line*, well-formed JSON, has arrays and objects more than *depth* levels inside each other.

    Most lines are settled by their length or by two counts. Where there are brackets enough, one layer of leaves is
    taken off a round: at most *depth* rounds, each at the speed of `bytes.replace`.
    """
    if len(line) <= 2 * depth or line.count(b"[") + line.count(b"{") <= depth:
        return False
    shape = _STRING.sub(b"", line).translate(_ROUND, _NOT_BRACKETS)
    if b"(" * (depth + 1) in shape:
        return True
    for _ in range(depth):
        if not shape:
            return False
        shape = shape.replace(b"()", b"")
    return bool(shape)
