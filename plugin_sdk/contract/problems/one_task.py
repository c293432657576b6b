"""Scheduling of one task onto one of several loaded nodes; loads and needs in percent of a node."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import repeat
from operator import add, attrgetter
from typing import Annotated, Any

import msgspec

from plugin_sdk.contract.decode import ProblemError
from plugin_sdk.contract.problems.amounts import all_different, converted, listed, member, only_constraints

Percent = Annotated[float, msgspec.Meta(ge=0)]
_ID, _CPU_LOAD, _MEMORY_LOAD = attrgetter("id"), attrgetter("cpu_load"), attrgetter("memory_load")


class Task(msgspec.Struct, rename="camel", frozen=True):
    """What it will add to the load of the node it goes to."""

    id: str
    cpu_required: Percent
    memory_required: Percent


class LoadedNode(msgspec.Struct, rename="camel", frozen=True):
    """A node and its load now."""

    id: str
    cpu_load: Percent
    memory_load: Percent


class OneTaskProblem(msgspec.Struct, frozen=True):
    """Choose the node.

    Fields:
        allowed: The ids of those that may be chosen; `None` for all.
    """

    task: Task
    nodes: list[LoadedNode]
    allowed: frozenset[str] | None = None

    @property
    def choices(self) -> list[LoadedNode]:
        """The nodes that may be chosen."""
        allowed = self.allowed
        return self.nodes if allowed is None else [node for node in self.nodes if node.id in allowed]

    def loads_after(self) -> tuple[list[float], list[float]]:
        """CPU and memory load of each of `choices` with the task on it, in percent, not capped."""
        choices = self.choices
        cpu = map(add, map(_CPU_LOAD, choices), repeat(self.task.cpu_required))
        memory = map(add, map(_MEMORY_LOAD, choices), repeat(self.task.memory_required))
        return list(cpu), list(memory)


class LoadAfter(msgspec.Struct):
    """Percent, capped at 100 as the seed system shows it."""

    cpu: float
    memory: float


class OneTaskAnswer(msgspec.Struct, rename="camel"):
    """The node; the load after it is computed by the host, not believed."""

    node_id: str


def parse_one_task(data: Mapping[str, Any], constraints: Mapping[str, Any] | None = None) -> OneTaskProblem:
    """The problem in `data`.

    Raises:
        ProblemError: Something in it cannot be used.
    """
    known = only_constraints(constraints, ["allowedNodes", "pinned"], "scheduling one task")
    task = converted(
        member(data, "task", "data", "an object with id, cpuRequired and memoryRequired"), Task, "data.task"
    )
    sent = listed(member(data, "nodes", "data", "a list of at least one node"), "data.nodes")
    nodes = converted(sent, list[LoadedNode], "data.nodes")
    ids = set(map(_ID, nodes))
    if len(ids) < len(nodes):
        all_different((node.id for node in nodes), "data.nodes")
    allowed = _some(known.get("allowedNodes"), ids, task.id, "constraints.allowedNodes")
    pinned = _some(known.get("pinned"), ids, task.id, "constraints.pinned")
    if allowed is not None and pinned is not None and not pinned <= allowed:
        raise ProblemError("constraints.pinned", known["pinned"], "one of the nodes in allowedNodes")
    return OneTaskProblem(task, nodes, allowed if pinned is None else pinned)


def _some(sent: object, ids: set[str], task: str, path: str) -> frozenset[str] | None:
    """Ids of nodes: one, a list of them, or either under the id of the task."""
    if isinstance(sent, dict):
        if set(sent) != {task}:
            raise ProblemError(path, sent, f"ids of nodes, or an object with the one member {task}")
        sent = sent[task]
    if sent is None:
        return None
    found = [sent] if isinstance(sent, str) else sent
    if (
        not isinstance(found, list)
        or not found
        or not all(isinstance(each, str) and each in ids for each in found)
    ):
        raise ProblemError(path, sent, "ids of nodes of the request, at least one")
    return frozenset(found)
