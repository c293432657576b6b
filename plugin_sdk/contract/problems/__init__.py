"""The questions that can be asked, as typed problems, and the rules beyond types that make them well-formed.

One module a problem: its structs, its answer's structs and its `parse_...`. Knows nothing of who solves them.
May import: contract. Start reading at: request.py, then packing.py.
"""

from __future__ import annotations

from plugin_sdk.contract.decode import ProblemError
from plugin_sdk.contract.problems.one_task import OneTaskProblem, parse_one_task
from plugin_sdk.contract.problems.packing import PackingProblem, parse_packing
from plugin_sdk.contract.problems.placement import PlacementProblem, parse_placement
from plugin_sdk.contract.problems.prediction import PredictionProblem, parse_prediction
from plugin_sdk.contract.problems.queue import QueueProblem, parse_queue
from plugin_sdk.contract.problems.request import OptimizeRequest, parse_request
from plugin_sdk.contract.problems.tuning import TuningProblem, parse_tuning

Problem = (
    PackingProblem | OneTaskProblem | PlacementProblem | QueueProblem | TuningProblem | PredictionProblem
)

__all__ = [
    "OneTaskProblem",
    "OptimizeRequest",
    "PackingProblem",
    "PlacementProblem",
    "PredictionProblem",
    "Problem",
    "ProblemError",
    "QueueProblem",
    "TuningProblem",
    "parse_problem",
    "parse_request",
]


def parse_problem(request: OptimizeRequest) -> Problem:
    """The typed problem in a request.

    Raises:
        ProblemError: Something in it cannot be used; says which member, its value and what would be right.
    """
    if request.type == "resource":
        return parse_packing(request.data, request.constraints)
    if request.type == "performance":
        return parse_tuning(request.data, request.constraints)
    if request.type == "ml-driven":
        return parse_prediction(request.data, request.constraints)
    if "task" in request.data:
        return parse_one_task(request.data, request.constraints)
    if "pods" in request.data:
        return parse_placement(request.data, request.constraints)
    if "jobs" in request.data:
        return parse_queue(request.data, request.constraints)
    raise ProblemError(
        "data", request.data, "a task with nodes, pods with nodes, or jobs with a cluster and now"
    )
