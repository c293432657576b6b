from __future__ import annotations

import random
from typing import Any

from host.simulator.play import Advice, Ask, Options, Reply, alone
from host.simulator.tasks.binpack import BinPackTask
from host.traces.items import ItemStream

from ..scripted import played

SCORED = Advice(methods=frozenset({"score"}))


def stream(seed: int = 1, count: int = 400) -> ItemStream:
    chance = random.Random(seed)
    return ItemStream("s/0", "s", 100, [chance.randrange(20, 70) for _ in range(count)])


def tightest(ask: Ask, params: dict[str, Any]) -> Reply:
    return Reply(scores=[-each["left"] for each in params["candidates"]])


def loosest(ask: Ask, params: dict[str, Any]) -> Reply:
    return Reply(scores=[each["left"] for each in params["candidates"]])


def test_a_plugin_that_scores_like_best_fit_packs_like_it() -> None:
    task = BinPackTask([stream()], Options(guard=False))
    [case] = task.cases()
    mine, asked = played(task.play(case, SCORED), tightest)
    assert mine.metrics == alone(task.play(case, Advice("best-fit"))).metrics
    assert asked[0][1]["candidates"] == [{"id": "new", "left": 100, "bins": 0}]


def test_the_guard_keeps_a_wasteful_plugin_near_best_fit() -> None:
    free, guarded = BinPackTask([stream()], Options(guard=False)), BinPackTask([stream()], Options())
    [case] = free.cases()
    best = alone(free.play(case, Advice("best-fit"))).metrics["bins"]
    assert played(free.play(case, SCORED), loosest)[0].metrics["bins"] == 400
    assert played(guarded.play(case, SCORED), loosest)[0].metrics["bins"] <= 1.1 * best


def test_a_plugin_that_says_nothing_is_best_fit() -> None:
    task = BinPackTask([stream()], Options(guard=False))
    [case] = task.cases()
    silent, _ = played(task.play(case, SCORED))
    assert silent.fallbacks == 400
    assert silent.metrics == alone(task.play(case, Advice("best-fit"))).metrics


def test_no_question_knows_of_an_item_that_has_not_come() -> None:
    first, other = stream(1), stream(2)
    mixed = ItemStream("s/0", "s", 100, [*first.items[:200], *other.items[200:]])
    heard = []
    for each in (first, mixed):
        task = BinPackTask([each], Options())
        heard.append(played(task.play(task.cases()[0], SCORED), tightest)[1][:200])
    assert heard[0] == heard[1]
