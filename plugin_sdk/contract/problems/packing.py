"""Resource packing: items with demands onto equal nodes, as few as will do, or onto given ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from plugin_sdk.contract.decode import ProblemError
from plugin_sdk.contract.problems.amounts import (
    all_different,
    amount,
    amounts,
    identity,
    listed,
    member,
)
from plugin_sdk.contract.problems.request import unknown_member
from plugin_sdk.contract.problems.rules import ITEM_RULES, Rules, parse_rules

_NUMBERS = frozenset((int, float))
_PLAIN = 1e300  # up to it a number is finite and an integer has a float
_NOT_DEMANDS = {"id", *ITEM_RULES}  # on an item, but no resource


class Item(msgspec.Struct, frozen=True):
    """Something to place. `demand` has every resource of the problem; `sent` is the caller's own object."""

    id: str
    demand: dict[str, float]
    sent: dict[str, Any]


class GivenNode(msgspec.Struct, frozen=True):
    """A node that exists: what it has, and how much of that is taken before anything is placed."""

    id: str
    capacity: dict[str, float]
    used: dict[str, float]

    def free(self, resource: str) -> float:
        """What is left of a resource before anything is placed, in the caller's unit."""
        return self.capacity.get(resource, 0.0) - self.used.get(resource, 0.0)


class PackingProblem(msgspec.Struct, frozen=True):
    """Place all items so that no node is over its capacity.

    Fields:
        resources: Every resource name, in the order of the capacity.
        node_capacity: Of each of the equal nodes that may be opened; `None` when nodes are given.
        nodes: The given nodes; `None` when they are opened as needed.
        rules: What must be kept beside the capacities.
    """

    items: list[Item]
    resources: tuple[str, ...]
    node_capacity: dict[str, float] | None
    nodes: list[GivenNode] | None
    rules: Rules = Rules()

    @property
    def max_nodes(self) -> int | None:
        """How many nodes may be opened or used; `None` for no bound."""
        return self.rules.max_nodes


class PackedNode(msgspec.Struct):
    """One node of an answer: which items, by id."""

    id: str
    items: list[str]


class PackingAnswer(msgspec.Struct):
    """Which item goes where. What is left on the nodes is computed by the host, not believed."""

    nodes: list[PackedNode]
    unplaced: list[str]


def parse_packing(data: Mapping[str, Any], constraints: Mapping[str, Any] | None = None) -> PackingProblem:
    """The packing problem in `data` and `constraints`.

    Raises:
        ProblemError: Something in it cannot be used.
    """
    sent = listed(member(data, "items", "data", "a list of at least one item"), "data.items")
    capacity: dict[str, float] | None = None
    nodes: list[GivenNode] | None = None
    if "nodes" in data and "nodeCapacity" in data:
        raise ProblemError("data.nodes", data["nodes"], "either nodes or nodeCapacity, not both")
    if "nodes" in data:
        nodes = [
            _given(each, f"data.nodes[{i}]") for i, each in enumerate(listed(data["nodes"], "data.nodes"))
        ]
        all_different((node.id for node in nodes), "data.nodes")
        resources = tuple(dict.fromkeys(name for node in nodes for name in node.capacity))
    else:
        found = member(data, "nodeCapacity", "data", "an object of amounts, or nodes with a capacity each")
        capacity = amounts(found, "data.nodeCapacity")
        resources = tuple(capacity)
    items = [_item(each, f"data.items[{i}]", resources) for i, each in enumerate(sent)]
    all_different((item.id for item in items), "data.items")
    names = None if nodes is None else frozenset(node.id for node in nodes)
    rules = parse_rules(constraints, sent, "data.items", names, "resource requests")
    return PackingProblem(items, resources, capacity, nodes, rules)


def _item(sent: dict[str, Any], path: str, resources: tuple[str, ...]) -> Item:
    demand: dict[str, float] = dict.fromkeys(resources, 0.0)
    named = 0
    for name, value in sent.items():
        if name in demand:
            # What almost all are is seen without spelling out where it stands.
            good = type(value) in _NUMBERS and 0 <= value <= _PLAIN
            demand[name] = float(value) if good else amount(value, f"{path}.{name}")
            named += 1
        elif name not in _NOT_DEMANDS and isinstance(value, int | float) and not isinstance(value, bool):
            remedy = unknown_member(name, set(resources), "an amount of a resource that the nodes have:")
            raise ProblemError(f"{path}.{name}", value, remedy)
    item = Item(identity(sent, path), demand, sent)
    if not named:
        raise ProblemError(path, sent, f"an amount of at least one of {', '.join(resources)}")
    return item


def _given(sent: dict[str, Any], path: str) -> GivenNode:
    name = identity(sent, path)
    capacity = amounts(member(sent, "capacity", path, "an object of amounts"), f"{path}.capacity")
    used = amounts(sent["used"], f"{path}.used") if sent.get("used") else {}
    for resource, value in used.items():
        if resource not in capacity:
            raise ProblemError(
                f"{path}.used.{resource}", value, f"resources of its capacity: {', '.join(capacity)}"
            )
        if value > capacity[resource]:
            raise ProblemError(
                f"{path}.used.{resource}", value, f"at most its capacity, {capacity[resource]:g}"
            )
    return GivenNode(name, capacity, used)
