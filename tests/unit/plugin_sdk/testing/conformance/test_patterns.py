from __future__ import annotations

from plugin_sdk.testing.conformance.patterns import fits


def test_a_pattern_tells_right_from_wrong() -> None:
    assert fits({"a": {"$type": "number"}}, {"a": 1, "b": 2})
    assert not fits({"a": {"$type": "number"}}, {"a": True})
    assert not fits({"a": 1}, {"a": 1.5})
    assert not fits({"id": 3}, {"id": "3"})
    assert fits({"$oneOf": [1, [{"$length": 2}]]}, [[0, 0]])
    assert not fits([], [1])
    assert fits({"$only": {"a": 1}}, {"a": 1})
    assert not fits({"$only": {"a": 1}}, {"a": 1, "b": 2})
    assert not fits({"$only": {"a": 1}}, {"a": 2})
