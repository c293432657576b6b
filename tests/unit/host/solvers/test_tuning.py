"""Suggestions: in range, new, the same for the same problem, and getting better."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from host.engine.checks.tuning import verify
from host.solvers.tuning import space_filling_local_search, spread_size
from plugin_sdk.contract.problems.tuning import parse_tuning

number = st.floats(-1e308, 1e308, allow_nan=False)


@st.composite
def parameters(draw, name):
    kind = draw(st.sampled_from(["float", "int", "choice"]))
    if kind == "choice":
        return {
            "name": name,
            "kind": kind,
            "choices": draw(st.sampled_from([["a"], ["a", "b", True], [1, 2.5, "x", False]])),
        }
    low, high = sorted([draw(number), draw(number)])
    if draw(st.booleans()):
        low, high = sorted([abs(low) + 1e-6, abs(high) + 1e-6])
        if kind == "int":
            low, high = math.ceil(low), max(math.ceil(low), math.floor(high))
        return {"name": name, "kind": kind, "low": low, "high": high, "log": True}
    if kind == "int":
        low, high = (
            (draw(st.integers(-5, 5)), 5) if draw(st.booleans()) else (math.floor(low), math.ceil(high))
        )
    return {"name": name, "kind": kind, "low": low, "high": high}


@settings(deadline=None)
@given(data=st.data())
def test_every_suggestion_is_in_range_whatever_the_ranges(data):
    knobs = [data.draw(parameters(f"p{n}")) for n in range(data.draw(st.integers(1, 4)))]
    problem = parse_tuning({"parameters": knobs, "count": data.draw(st.integers(1, 5))})
    for _ in range(4):
        answer = space_filling_local_search(problem)
        assert verify(problem, answer).broken is None
        seen = [{"params": each.params, "value": float(n)} for n, each in enumerate(answer.suggestions)]
        old = [{"params": each.params, "value": each.value} for each in problem.observations]
        problem = parse_tuning(
            {"parameters": knobs, "count": problem.count, "observations": [*old, *seen * 5]}
        )


def small_space(observations=(), count=1):
    knobs = [
        {"name": "a", "kind": "int", "low": 1, "high": 3},
        {"name": "b", "kind": "choice", "choices": [True, 2, "x"]},
    ]
    return parse_tuning({"parameters": knobs, "observations": list(observations), "count": count})


def test_nothing_is_suggested_twice_until_everything_has_been():
    answer = space_filling_local_search(small_space(count=9))
    assert len({(each.params["a"], repr(each.params["b"])) for each in answer.suggestions}) == 9
    seen = [{"params": each.params, "value": 1.0} for each in answer.suggestions[:8]]
    last = space_filling_local_search(small_space(seen)).suggestions[0]
    assert last.params == answer.suggestions[8].params or last.params not in [each["params"] for each in seen]
    assert (
        space_filling_local_search(small_space(count=12)).suggestions[11].params
    )  # exhausted: repeats, no error


def test_the_same_problem_gets_the_same_suggestions():
    assert space_filling_local_search(small_space(count=4)) == space_filling_local_search(
        small_space(count=4)
    )


def test_it_comes_close_to_the_optimum_of_a_smooth_function_and_beats_its_own_spread():
    knobs = [
        {"name": "x", "kind": "float", "low": -5, "high": 5},
        {"name": "rate", "kind": "float", "low": 1e-5, "high": 1, "log": True},
    ]

    def value(params):
        return (params["x"] - 1.5) ** 2 + (math.log10(params["rate"]) + 3) ** 2

    seen = []
    for _ in range(80):
        problem = parse_tuning({"parameters": knobs, "observations": seen})
        params = space_filling_local_search(problem).suggestions[0].params
        seen.append({"params": params, "value": value(params)})
    spread = min(each["value"] for each in seen[: spread_size(problem)])
    best = min(each["value"] for each in seen)
    assert best < 0.02
    assert best < spread


def test_maximizing_looks_near_the_largest_value():
    knobs = [{"name": "x", "kind": "float", "low": 0, "high": 1}]
    seen = [{"params": {"x": n / 10}, "value": n / 10} for n in range(10)]
    answer = space_filling_local_search(
        parse_tuning({"parameters": knobs, "observations": seen, "direction": "maximize", "count": 20})
    )
    assert answer.best is not None and answer.best.value == 0.9
    near = [each for each in answer.suggestions if abs(each.params["x"] - 0.9) < 0.5]
    assert len(near) >= 15
