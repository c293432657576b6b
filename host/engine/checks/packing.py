"""Packing: every item once, no node over its capacity, no more nodes than allowed; few unplaced, then few nodes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from host.engine.checks.rules import broken_rule, inversion
from host.engine.checks.verdict import OK, Objective, Verdict
from plugin_sdk.contract.decode import show
from plugin_sdk.contract.problems.packing import Item, PackingAnswer, PackingProblem

_Room = dict[str, tuple[float, float]]

CAPACITY_SLACK = 1e-9
"""Of a capacity: how far the sum of the demands on a node may go over it, for the sake of 0.1 + 0.2 on 0.3."""


def verify(problem: PackingProblem, answer: PackingAnswer) -> Verdict:
    """Whether the answer can be carried out as it stands."""
    items = {item.id: item for item in problem.items}
    broken = _not_every_item_once(items, answer) or _wrong_nodes(problem, answer)
    if broken:
        return Verdict(broken)
    room_of = _room_by_node(problem)
    demands = {name: item.demand for name, item in items.items()}
    for node in answer.nodes:
        rows = [demands[name] for name in node.items]
        for resource, (free, slack) in room_of(node.id).items():
            asked = total([row[resource] for row in rows])
            if asked > free + slack:
                return Verdict(f"node {show(node.id)} is asked for {asked:g} {resource} but has {free:g}")
    if problem.rules.only_counts:
        return OK
    return Verdict(_against_rules(problem, answer, items, room_of))


def _against_rules(
    problem: PackingProblem, answer: PackingAnswer, items: Mapping[str, Item], room_of: Callable[[str], _Room]
) -> str | None:
    node_of = {item: node.id for node in answer.nodes for item in node.items}

    def fits(item: str, node: str, others: Sequence[str]) -> bool:
        together = [items[each].demand for each in (item, *others)]
        # Without slack: nobody is wronged by less than rounding.
        return all(
            total(demand[name] for demand in together) <= free for name, (free, _) in room_of(node).items()
        )

    usable = [node.id for node in (problem.nodes or answer.nodes)]
    return broken_rule(problem.rules, node_of) or inversion(
        problem.rules, node_of, answer.unplaced, usable, fits
    )


def objective(problem: PackingProblem, answer: PackingAnswer) -> Objective:
    """(items without a node, nodes with items)."""
    return (float(len(answer.unplaced)), float(sum(1 for node in answer.nodes if node.items)))


def bound(problem: PackingProblem) -> Objective:
    """What no answer can beat.

    Items that fit on no empty node stay unplaced, and so do as many of the largest as it takes for the rest to
    fit into all nodes together. The others need, in each resource, as many nodes as the smallest of them fill,
    and one node for each item that is more than half of the largest node.
    """
    placeable = those_that_fit(problem)
    rooms = {resource: _rooms(problem, resource) for resource in problem.resources}
    demands = {
        resource: sorted(item.demand[resource] for item in placeable) for resource in problem.resources
    }
    placed = min((_most_that_fit(demands[each], total(rooms[each])) for each in problem.resources), default=0)
    nodes = 0
    for resource in problem.resources:
        smallest = demands[resource][:placed]
        nodes = max(nodes, _fewest_for(total(smallest), rooms[resource]))
        half = max(rooms[resource], default=0.0) / 2 * (1 + CAPACITY_SLACK)
        nodes = max(nodes, sum(1 for each in smallest if each > half))
    return (float(len(problem.items) - placed), float(max(nodes, 1 if placed else 0)))


def those_that_fit(problem: PackingProblem) -> list[Item]:
    """The items that some node could take if nothing else were placed."""
    room_of = _room_by_node(problem)
    # Equal rooms are looked at once: a cluster has few kinds of node.
    kinds = {
        tuple(room_of(name).items())
        for name in ([node.id for node in problem.nodes] if problem.nodes else [""])
    }
    return [
        item
        for item in problem.items
        if any(all(item.demand[name] <= free + slack for name, (free, slack) in kind) for kind in kinds)
    ]


def total(amounts: Iterable[float]) -> float:
    """The sum, rounded once; infinite where it is larger than a float can be."""
    try:
        return math.fsum(amounts)
    except OverflowError:
        return math.inf


def _not_every_item_once(items: Mapping[str, Item], answer: PackingAnswer) -> str | None:
    named = [name for node in answer.nodes for name in node.items]
    named += answer.unplaced
    if len(named) == len(items) and items.keys() == set(named):
        return None  # what almost all answers are; the rest is to say what is wrong
    seen: set[str] = set()
    for where, names in [
        *((f"node {show(node.id)}", node.items) for node in answer.nodes),
        ("unplacedItems", answer.unplaced),
    ]:
        for name in names:
            if name not in items:
                return f"{where} has item {show(name)}, which is not in the request"
            if name in seen:
                return f"item {show(name)} stands twice, the second time in {where}"
            seen.add(name)
    missing = next((name for name in items if name not in seen), None)
    return None if missing is None else f"item {show(missing)} is neither on a node nor in unplacedItems"


def _wrong_nodes(problem: PackingProblem, answer: PackingAnswer) -> str | None:
    seen: set[str] = set()
    given = None if problem.nodes is None else {node.id for node in problem.nodes}
    for node in answer.nodes:
        if node.id in seen:
            return f"node {show(node.id)} stands twice"
        if given is not None and node.id not in given:
            return f"node {show(node.id)} is not in the request"
        seen.add(node.id)
    used = sum(1 for node in answer.nodes if node.items)
    if problem.max_nodes is not None and used > problem.max_nodes:
        return f"{used} nodes are used but maxNodes is {problem.max_nodes}"
    return None


def _room_by_node(problem: PackingProblem) -> Callable[[str], _Room]:
    """From a node's id to, by resource: what is free before anything is placed, and by how much it may be overdrawn."""
    if problem.nodes is None:
        capacity = problem.node_capacity or {}
        equal = {name: (amount, CAPACITY_SLACK * amount) for name, amount in capacity.items()}
        return lambda _: equal
    return {
        node.id: {
            name: (node.free(name), CAPACITY_SLACK * node.capacity.get(name, 0.0))
            for name in problem.resources
        }
        for node in problem.nodes
    }.__getitem__


def _rooms(problem: PackingProblem, resource: str) -> list[float]:
    """What each usable node has of a resource, overdrawn as far as allowed; the largest first."""
    if problem.nodes is None:
        count = min(problem.max_nodes or len(problem.items), len(problem.items))
        return [(problem.node_capacity or {})[resource] * (1 + CAPACITY_SLACK)] * count
    rooms = (
        node.free(resource) + CAPACITY_SLACK * node.capacity.get(resource, 0.0) for node in problem.nodes
    )
    return sorted(rooms, reverse=True)[: problem.max_nodes]


def _most_that_fit(smallest_first: list[float], room: float) -> int:
    """How many amounts fit into *room* at best. Rounding may make it one too many, never one too few."""
    used = 0.0
    for count, each in enumerate(smallest_first):
        used += each
        if used > room * (1 + 1e-12):
            return count
    return len(smallest_first)


def _fewest_for(amount: float, largest_first: list[float]) -> int:
    """How many rooms it takes to hold *amount*. Rounding may make it one too few, never one too many."""
    used = 0.0
    for count, each in enumerate(largest_first):
        if used * (1 + 1e-12) >= amount:
            return count
        used += each
    return len(largest_first)
