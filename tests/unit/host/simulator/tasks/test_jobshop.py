from __future__ import annotations

from typing import Any

from host.simulator.play import Advice, Ask, Options, Reply, alone
from host.simulator.tasks.jobshop import JobShopTask
from host.traces.jobshop import JobShop

from ..scripted import played

SHOP = JobShop("la01", 3, [[(0, 3), (1, 2), (2, 2)], [(0, 2), (2, 1), (1, 4)], [(1, 4), (2, 3), (0, 1)]])


def most_work_left(ask: Ask, params: dict[str, Any]) -> Reply:
    return Reply(scores=[each["workLeft"] for each in params["candidates"]])


def test_a_plugin_that_dispatches_like_a_rule_gets_its_schedule() -> None:
    task = JobShopTask([SHOP], Options())
    [case] = task.cases()
    assert case.group == "la"
    mine, asked = played(task.play(case, Advice(methods=frozenset({"score"}))), most_work_left)
    rule = alone(task.play(case, Advice("most-work-left")))
    assert asked and mine.metrics == rule.metrics
    assert mine.decisions == rule.decisions == len(asked)
    assert {row for row, *_ in mine.bars} == {0, 1, 2}
