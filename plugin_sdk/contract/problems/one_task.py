"""Scheduling of one task onto one of several loaded nodes; loads and needs in percent of a node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from plugin_sdk.contract.problems.amounts import all_different, converted, listed, member, only_constraints

Percent = Annotated[float, msgspec.Meta(ge=0)]


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
    """Choose the node."""

    task: Task
    nodes: list[LoadedNode]


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
    only_constraints(constraints, [], "scheduling one task")
    task = converted(
        member(data, "task", "data", "an object with id, cpuRequired and memoryRequired"), Task, "data.task"
    )
    sent = listed(member(data, "nodes", "data", "a list of at least one node"), "data.nodes")
    nodes = converted(sent, list[LoadedNode], "data.nodes")
    all_different((node.id for node in nodes), "data.nodes")
    return OneTaskProblem(task, nodes)
