from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_sdk import PredictionResult
from plugin_sdk.jsonable import NotJsonError, encode_finite

np = pytest.importorskip("numpy")

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def all_finite(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(all_finite, value.values()))
    return all(map(all_finite, value)) if isinstance(value, list) else True


@given(values)
def test_finite_values_are_encoded_as_they_are_and_others_refused(value: object) -> None:
    if all_finite(value):
        assert json.loads(encode_finite(value)) == value
    else:
        with pytest.raises(NotJsonError, match="result is not finite"):
            encode_finite(value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.float64(1.5), 1.5),
        (np.float32(2.5), 2.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array([[1.0, 2.0]]), [[1.0, 2.0]]),
        (np.array(4), 4),
        ({"a": (np.int32(1), None)}, {"a": [1, None]}),
    ],
)
def test_numpy_values_are_said_as_plain_ones(value: object, said: object) -> None:
    assert json.loads(encode_finite(value)) == said


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"a": [1.0, np.array([1.0, np.nan])]}, r"result\.a\[1\]\[1\] is nan"),
        (np.float64("inf"), "result is inf"),
        (PredictionResult(1, confidence=math.nan), r"result\.confidence is nan"),
    ],
)
def test_a_number_that_is_not_finite_is_named_by_its_path(value: object, where: str) -> None:
    with pytest.raises(NotJsonError, match=where):
        encode_finite(value)


def test_what_has_no_form_in_json_is_refused() -> None:
    loop: list[object] = []
    loop.append(loop)
    for value in (object(), "\ud800", loop, {(1, 2): 3}):
        with pytest.raises(NotJsonError, match="result is not JSON"):
            encode_finite(value)
