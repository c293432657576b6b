"""What a plugin that means harm costs under the guard, on the beginning of a real log, without its sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from host.simulator.play import Advice, Ask, Options, Reply, alone
from host.simulator.tasks.batch import SLACK_AT_START, SLACK_PER_JOB, BatchTask
from host.traces.load import load_trace
from plugin_sdk.testing import load_folder
from tests.reproduce.plugins import HARM_LIMIT, HOSTILE
from tests.unit.host.simulator.scripted import played

JOBS = 2_000
SLACK = 3 * (
    SLACK_AT_START / JOBS + SLACK_PER_JOB
)  # of three chances, on the mean; on a whole log it is nothing


def test_who_takes_the_largest_jobs_first_costs_little_under_the_guard_and_much_without(
    refdata: Path,
) -> None:
    log = load_trace(refdata / "hpc_batch" / "SDSC-SP2.csv.xz", JOBS)

    def cost(options: Options, advice: Advice) -> float:
        plugin: Any = load_folder(HOSTILE / "largest_first")()

        def answer(ask: Ask, params: dict[str, Any]) -> Reply:
            return Reply(scores=plugin.score(params["task"], params["candidates"]))

        task = BatchTask([log], options)
        play = task.play(task.cases()[0], advice)
        result = alone(play) if advice.builtin else played(play, answer)[0]
        return result.metrics["bounded slowdown"]

    asked = Advice(methods=frozenset({"score"}))
    limit = HARM_LIMIT * cost(Options(), Advice("easy")) + SLACK
    assert cost(Options(), asked) <= limit < cost(Options(guard=False), asked)
