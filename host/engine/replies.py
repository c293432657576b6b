"""From what a plugin replied to a typed answer. Nothing is believed here but the shape; the checks do the rest.

Three shapes are understood: this protocol's `{result, ...}`, its `{abstained: true, reason}`, and the seed
system's `{success, result, error, ...}`, where a failure is a way of saying "not me".
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from host.errors import plain_words
from host.solvers.pods.room import Room
from host.solvers.queue import easy_in_order, in_order_of_arrival
from plugin_sdk.contract.decode import show
from plugin_sdk.contract.messages import Prediction
from plugin_sdk.contract.problems import (
    OneTaskProblem,
    PackingProblem,
    PlacementProblem,
    PredictionProblem,
    Problem,
    QueueProblem,
    TuningProblem,
)
from plugin_sdk.contract.problems.one_task import OneTaskAnswer
from plugin_sdk.contract.problems.packing import PackedNode, PackingAnswer
from plugin_sdk.contract.problems.placement import Placement, PlacementAnswer
from plugin_sdk.contract.problems.queue import QueueAnswer
from plugin_sdk.contract.problems.tuning import Suggestion, TuningAnswer

_REASON_LIMIT = 200  # characters of why a plugin declines: everyone who was asked may say so in one answer
# Members, elements and objects of one reply. What is read is read on the host's only loop: a frame's 8 MB of empty
# lists would keep everybody waiting for a second or three, this many for some 20 ms.
VALUES_LIMIT = 200_000
_MARKS = (b",", b"[", b"{")


class ReplyError(ValueError):
    """The reply is no answer to the question; the text says what it should have been."""


class Declined(msgspec.Struct, frozen=True):
    """The plugin said no."""

    reason: str


class Reply(msgspec.Struct, frozen=True):
    """A typed answer, unchecked.

    Fields:
        answer: The answer struct of the problem; `Prediction` for predictions.
        confidence: The plugin's own, in [0, 1]; `None` when it gave none that is a number.
        scores: As it gave them, where it was asked for scores.
    """

    answer: Any
    confidence: float | None
    model_id: str | None
    scores: list[float] | None = None


def read_reply(problem: Problem, method: str, raw: msgspec.Raw | bytes) -> Reply | Declined:
    """What the plugin answered to *method*.

    Args:
        raw: The `result` member of its response, as it came.

    Raises:
        ReplyError: It cannot be read as an answer.
    """
    if len(raw) > VALUES_LIMIT and (values := sum(map(bytes(raw).count, _MARKS))) > VALUES_LIMIT:
        raise ReplyError(f"the reply has up to {values} values; at most {VALUES_LIMIT} are read")
    try:
        said = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ReplyError("the reply is no JSON that can be read") from error
    if not isinstance(said, dict):
        raise ReplyError(f"the reply is {show(said)}; it should be an object")
    if said.get("abstained") is True:
        return Declined(_words(said.get("reason")) or "it gave no reason")
    if said.get("success") is False:
        return Declined(_words(said.get("error")) or "it reported no success and no reason")
    return Reply(
        _answer(problem, method, said),
        _confidence(said.get("confidence")),
        _words(said.get("modelId", said.get("model_id"))),
        said["scores"] if method == "score" else None,
    )


def _answer(problem: Problem, method: str, said: dict[str, Any]) -> Any:
    if isinstance(problem, PredictionProblem):
        return _prediction(method, said)
    if method == "score":
        return from_scores(problem, said.get("scores"))
    result = said.get("result")
    if not isinstance(result, dict):
        raise ReplyError(f"result is {show(result)}; it should be an object")
    if isinstance(problem, PackingProblem):
        return _packing(problem, result)
    if isinstance(problem, OneTaskProblem):
        return OneTaskAnswer(_text(result.get("nodeId"), "result.nodeId"))
    if isinstance(problem, PlacementProblem):
        return _placement(problem, result)
    if isinstance(problem, QueueProblem):
        return _queue(problem, result)
    return _tuning(problem, result)


def _prediction(method: str, said: dict[str, Any]) -> Prediction:
    name = "prediction" if method == "predict" else "result"
    if name not in said:
        raise ReplyError(f"{name} is missing")
    return Prediction(prediction=said[name])


def from_scores(problem: Problem, scores: object) -> OneTaskAnswer | QueueAnswer:
    """The answer that ranks as *scores* do, one a node or job; of equals the first node, the job that came first.

    Raises:
        ReplyError: They are no numbers, or not as many as there are candidates.
    """
    candidates = problem.nodes if isinstance(problem, OneTaskProblem) else getattr(problem, "jobs", [])
    if not isinstance(scores, list) or len(scores) != len(candidates):
        raise ReplyError(f"scores is {show(scores)}; it should be a list of {len(candidates)} numbers")
    if not _all_floats(scores):
        for index, each in enumerate(scores):
            if not _number(each):
                raise ReplyError(f"scores[{index}] is {show(each)}; it should be a finite number")
    if isinstance(problem, OneTaskProblem):
        nodes = problem.nodes
        if problem.allowed is None:
            return OneTaskAnswer(nodes[scores.index(max(scores))].id)
        # A scorer is not told of constraints, so nodes that may not be chosen do not compete.
        may = [index for index, node in enumerate(nodes) if node.id in problem.allowed]
        return OneTaskAnswer(nodes[max(may, key=lambda index: (scores[index], -index))].id)
    assert isinstance(problem, QueueProblem)  # who asks for scores asks of nodes or jobs
    by_id = {job.id: each for job, each in zip(problem.jobs, scores, strict=True)}
    return easy_in_order(problem, sorted(in_order_of_arrival(problem), key=lambda job: -by_id[job.id]))


def _packing(problem: PackingProblem, result: dict[str, Any]) -> PackingAnswer:
    nodes = []
    for index, node in enumerate(_list(result.get("nodes"), "result.nodes")):
        path = f"result.nodes[{index}]"
        if not isinstance(node, dict):
            raise ReplyError(f"{path} is {show(node)}; it should be an object with id and items")
        items = _ids(node.get("items"), f"{path}.items")
        if problem.nodes is None and "id" not in node:
            node = {"id": f"node-{index + 1}"}  # a node that is opened needs no name of the plugin's
        nodes.append(PackedNode(_id(node, f"{path}.id"), items))
    if result.get("unplacedItems") is not None:
        return PackingAnswer(nodes, _ids(result["unplacedItems"], "result.unplacedItems"))
    placed = {name for node in nodes for name in node.items}
    return PackingAnswer(nodes, [item.id for item in problem.items if item.id not in placed])


def _placement(problem: PlacementProblem, result: dict[str, Any]) -> PlacementAnswer:
    """As it stands; where a pod that needs GPUs has none named, the tightest that fit are taken, in this order."""
    pods = {pod.id: pod for pod in problem.pods}
    rooms = {node.id: Room(node) for node in problem.nodes}
    placements = []
    for index, each in enumerate(_list(result.get("placements"), "result.placements")):
        path = f"result.placements[{index}]"
        if not isinstance(each, dict):
            raise ReplyError(f"{path} is {show(each)}; it should be an object with pod and node")
        found = Placement(_id_in(each, "pod", path), _id_in(each, "node", path))
        pod, room = pods.get(found.pod), rooms.get(found.node)
        if each.get("gpus") is not None:
            found.gpus = [_index(one, f"{path}.gpus") for one in _list(each["gpus"], f"{path}.gpus")]
        elif pod is not None and room is not None:
            found.gpus = room.tightest(pod)
        if pod is not None and room is not None and all(0 <= one < len(room.gpus) for one in found.gpus):
            room.put(pod, found.gpus)
        placements.append(found)
    if result.get("unplaced") is not None:
        return PlacementAnswer(placements, _ids(result["unplaced"], "result.unplaced"))
    placed = {each.pod for each in placements}
    return PlacementAnswer(placements, [name for name in pods if name not in placed])


def _queue(problem: QueueProblem, result: dict[str, Any]) -> QueueAnswer:
    order = _ids(result.get("order"), "result.order")
    if result.get("start") is not None:
        start = _ids(result["start"], "result.start")
        if len(order) + len(start) == len(problem.jobs) and not set(order) & set(start):
            order = [*start, *order]  # an order of those that go on waiting is as good as one of all
        return QueueAnswer(start, order)
    jobs = {job.id: job for job in problem.jobs}
    if sorted(order) != sorted(jobs):
        raise ReplyError("result.order has not every waiting job once, and result.start is missing")
    return easy_in_order(problem, [jobs[name] for name in order])


def _tuning(problem: TuningProblem, result: dict[str, Any]) -> TuningAnswer:
    suggestions = []
    for index, each in enumerate(_list(result.get("suggestions"), "result.suggestions")):
        params = each.get("params") if isinstance(each, dict) else None
        if not isinstance(params, dict):
            raise ReplyError(
                f"result.suggestions[{index}] is {show(each)}; it should be an object with params"
            )
        suggestions.append(Suggestion(params))
    return TuningAnswer(suggestions, problem.best())


def _list(value: object, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise ReplyError(f"{path} is {show(value)}; it should be a list")
    return value


def _ids(value: object, path: str) -> list[str]:
    return [_id(each, f"{path}[{index}]") for index, each in enumerate(_list(value, path))]


def _id(value: object, path: str) -> str:
    """An id, or the id of an object that has one."""
    return _text(value.get("id") if isinstance(value, dict) else value, path)


def _id_in(value: dict[str, Any], name: str, path: str) -> str:
    return _id(value.get(name), f"{path}.{name}")


def _index(value: object, path: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ReplyError(f"{path} has {show(value)}; it should be a list of indices")
    return value


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise ReplyError(f"{path} is {show(value)}; it should be an id")
    return value


def _all_floats(values: list[Any]) -> bool:
    """Whether they are finite numbers and nothing else; the quick look that most replies pass."""
    return set(map(type, values)) == {float} and all(map(math.isfinite, values))


def _number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer larger than any float
        return False


def _confidence(value: object) -> float | None:
    return min(max(float(value), 0.0), 1.0) if _number(value) else None  # type: ignore[arg-type]  # a number


def _words(value: object) -> str | None:
    return plain_words(value, _REASON_LIMIT) if isinstance(value, str) and value else None
