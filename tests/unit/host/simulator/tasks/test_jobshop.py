from __future__ import annotations

from typing import Any

import pytest

from host.errors import ConfigError
from host.simulator.play import Advice, Ask, Options, Reply, alone
from host.simulator.tasks.jobshop import JobShopTask
from host.traces.jobshop import JobShop

from ..scripted import played

SHOP = JobShop("la01", 3, [[(0, 3), (1, 2), (2, 2)], [(0, 2), (2, 1), (1, 4)], [(1, 4), (2, 3), (0, 1)]])


def most_work_left(ask: Ask, params: dict[str, Any]) -> Reply:
    return Reply(scores=[each["workLeft"] for each in params["candidates"]])


def test_of_many_names_a_message_says_those_that_are_near() -> None:
    shops = [JobShop(f"ta{number:02}js", 3, SHOP.jobs) for number in range(1, 31)]
    assert {case.group for case in JobShopTask(shops, Options()).cases()} == {"ta"}
    with pytest.raises(ConfigError, match=r"30 are there, such as ta01js(, ta\d\djs){2}$"):
        JobShopTask(shops, Options(lists=("ta01",)))


def test_a_plugin_that_dispatches_like_a_rule_gets_its_schedule() -> None:
    task = JobShopTask([SHOP], Options())
    [case] = task.cases()
    assert case.group == "la"
    mine, asked = played(task.play(case, Advice(methods=frozenset({"score"}))), most_work_left)
    rule = alone(task.play(case, Advice("most-work-left")))
    assert asked and mine.metrics == rule.metrics
    assert mine.decisions == rule.decisions == len(asked)
    assert {row for row, *_ in mine.bars} == {0, 1, 2}
