from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugin_sdk import Abstained
from plugin_sdk.contract.messages import OptimizeReply
from plugin_sdk.testing import PluginHarness, load_folder

X: dict[str, Any] = {"name": "x", "kind": "float", "low": -5.0, "high": 10.0}
Y: dict[str, Any] = {"name": "y", "kind": "float", "low": 0.0, "high": 15.0}
RATE: dict[str, Any] = {"name": "rate", "kind": "float", "low": 1e-5, "high": 1.0, "log": True}
WORKERS: dict[str, Any] = {"name": "workers", "kind": "int", "low": 1, "high": 32}
CODEC: dict[str, Any] = {"name": "codec", "kind": "choice", "choices": ["lz4", "zstd", True, 1]}


@pytest.fixture(scope="module")
def plugin_class() -> Any:
    return load_folder(Path(__file__).parent)


@pytest.fixture
def harness(plugin_class: Any) -> PluginHarness:
    harness = PluginHarness(plugin_class, seed=7)
    harness.initialize()
    return harness


def draw(parameters: list[dict[str, Any]], chance: random.Random) -> dict[str, Any]:
    drawn: dict[str, Any] = {}
    for p in parameters:
        if p["kind"] == "choice":
            drawn[p["name"]] = chance.choice(p["choices"])
        elif p["kind"] == "int":
            drawn[p["name"]] = chance.randint(p["low"], p["high"])
        else:
            drawn[p["name"]] = chance.uniform(p["low"], p["high"])
    return drawn


def suggested(
    harness: PluginHarness, parameters: list[dict[str, Any]], seen: list[Any], **more: Any
) -> list[Any]:
    data = {"parameters": parameters, "observations": seen, **more}
    answer = harness.optimize({"type": "performance", "data": data})
    assert isinstance(answer, OptimizeReply)
    found = [each["params"] for each in answer.result["suggestions"]]
    for params in found:
        assert set(params) == {p["name"] for p in parameters}
        for p in parameters:
            value = params[p["name"]]
            if p["kind"] == "choice":
                assert any(type(value) is type(each) and value == each for each in p["choices"])
            else:
                assert p["low"] <= value <= p["high"]
                assert p["kind"] == "float" or isinstance(value, int)
    return found


def best_after(
    ask: Callable[[list[Any]], dict[str, Any]],
    value_of: Callable[[dict[str, Any]], float],
    start: list[Any],
    tries: int,
) -> float:
    seen = list(start)
    for _ in range(tries):
        params = ask(seen)
        seen.append({"params": params, "value": value_of(params)})
    return float(min(each["value"] for each in seen))


def branin(params: dict[str, Any]) -> float:
    """Least value 0.397887, at three places. Source: Branin (1972); Dixon and Szego (1978)."""
    x, y = params["x"], params["y"]
    bowl = (y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6) ** 2
    return float(bowl + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10)


def test_with_few_observations_it_leaves_the_design_to_others(harness: PluginHarness) -> None:
    seen = [{"params": {"x": 0.0}, "value": 1.0}] * 3
    answer = harness.optimize({"type": "performance", "data": {"parameters": [X], "observations": seen}})
    assert isinstance(answer, Abstained)


def test_it_comes_near_the_optimum_of_branin_in_twenty_tries_where_chance_does_not(
    harness: PluginHarness,
) -> None:
    chance = random.Random(11)
    parameters = [X, Y]
    start = [{"params": p, "value": branin(p)} for p in (draw(parameters, chance) for _ in range(5))]
    by_model = best_after(lambda seen: suggested(harness, parameters, seen)[0], branin, start, 20)
    by_chance = best_after(lambda _: draw(parameters, chance), branin, start, 20)
    assert by_model < 0.397887 + 0.2
    assert by_model < by_chance


def test_maximising_goes_the_other_way(harness: PluginHarness) -> None:
    chance = random.Random(2)
    seen = [{"params": p, "value": -((p["x"] - 3) ** 2)} for p in (draw([X], chance) for _ in range(8))]
    for _ in range(4):
        params = suggested(harness, [X], seen, direction="maximize")[0]
        seen.append({"params": params, "value": -((params["x"] - 3) ** 2)})
    assert abs(max(seen, key=lambda each: each["value"])["params"]["x"] - 3) < 0.3


def test_every_kind_of_parameter_stays_in_its_range(harness: PluginHarness) -> None:
    chance = random.Random(4)
    parameters = [RATE, WORKERS, CODEC]
    seen = [{"params": draw(parameters, chance), "value": chance.random()} for _ in range(10)]
    found = suggested(harness, parameters, seen, count=40)
    assert len(found) == 40
    assert len({repr(each) for each in found}) == 40


def test_a_logarithmic_range_is_searched_on_its_scale(harness: PluginHarness) -> None:
    def miss(params: dict[str, Any]) -> float:
        return abs(math.log10(params["rate"]) + 4)  # best at 0.0001, a ten-thousandth of the range

    chance = random.Random(6)
    start = [
        {"params": p, "value": miss(p)} for p in ({"rate": 10 ** chance.uniform(-5, 0)} for _ in range(4))
    ]
    assert best_after(lambda seen: suggested(harness, [RATE], seen)[0], miss, start, 10) < 0.15


def test_what_was_tried_is_not_suggested_while_something_else_is_left(harness: PluginHarness) -> None:
    small = {"name": "n", "kind": "int", "low": 1, "high": 6}
    seen = [{"params": {"n": n}, "value": float(n)} for n in (1, 2, 3, 4, 5)]
    assert suggested(harness, [small], seen) == [{"n": 6}]
    seen.append({"params": {"n": 6}, "value": 6.0})
    assert len(suggested(harness, [small], seen, count=2)) == 2  # all tried: it repeats rather than fail


def test_equal_values_and_a_single_allowed_setting_do_not_break_it(harness: PluginHarness) -> None:
    fixed = {"name": "z", "kind": "float", "low": 2.0, "high": 2.0}
    seen = [{"params": {"x": 0.0, "z": 2.0}, "value": 1.0}] * 6
    assert suggested(harness, [X, fixed], seen)[0]["z"] == 2.0


def test_the_same_seed_gives_the_same_suggestion(plugin_class: Any) -> None:
    seen = [{"params": {"x": float(n)}, "value": float(n * n)} for n in range(-4, 5)]
    first, second = (suggested(PluginHarness(plugin_class, seed=3), [X], seen) for _ in range(2))
    assert first == second
