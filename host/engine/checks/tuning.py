"""Tuning: as many settings as were asked for, each with every parameter in its range. What they are worth is seen later."""

from __future__ import annotations

from host.engine.checks.verdict import OK, Verdict
from plugin_sdk.contract.decode import show
from plugin_sdk.contract.problems.tuning import TuningAnswer, TuningProblem, allows


def verify(problem: TuningProblem, answer: TuningAnswer) -> Verdict:
    """Whether every suggestion can be tried."""
    if len(answer.suggestions) != problem.count:
        return Verdict(f"there are {len(answer.suggestions)} suggestions but {problem.count} were asked for")
    names = {parameter.name for parameter in problem.parameters}
    for index, suggestion in enumerate(answer.suggestions):
        for parameter in problem.parameters:
            if parameter.name not in suggestion.params:
                return Verdict(f"suggestions[{index}] lacks parameter {show(parameter.name)}")
            if not allows(parameter, suggestion.params[parameter.name]):
                value = show(suggestion.params[parameter.name])
                return Verdict(
                    f"suggestions[{index}] has {value} for {show(parameter.name)}, which is out of range"
                )
        unknown = next((name for name in suggestion.params if name not in names), None)
        if unknown is not None:
            return Verdict(f"suggestions[{index}] has parameter {show(unknown)}, which is not in the request")
    return OK
