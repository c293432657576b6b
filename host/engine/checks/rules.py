"""Whether where things lie keeps the rules beside capacities. Written from their meaning, not from the solvers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from plugin_sdk.contract.decode import show
from plugin_sdk.contract.problems.rules import Rules

PINNED = math.inf  # the priority of what is pinned: it has its place before all others

Fits = Callable[[str, str, Sequence[str]], bool]
"""`(item, node, others)`: whether the item has room on the node when of what lies there only *others* stay."""


def broken_rule(rules: Rules, node_of: Mapping[str, str]) -> str | None:
    """The first rule that is broken by what lies where (node by item; unplaced items are not in it)."""
    for item, node in node_of.items():
        may = rules.nodes_of(item)
        if may is not None and node not in may:
            why = "pinned to" if item in rules.pinned else "allowed on"
            return f"{show(item)} is on {show(node)} but is {why} {', '.join(sorted(may))}"
    for group in rules.anti_affinity:
        at: dict[str, str] = {}
        for item in group:
            where = node_of.get(item)
            if where in at:
                return f"{show(at[where])} and {show(item)} are both on {show(where)} against antiAffinity"
            if where is not None:
                at[where] = item
    for group in rules.affinity:
        nodes = {node_of[item]: item for item in group if item in node_of}
        if len(nodes) > 1:
            (one, first), (two, second), *_ = nodes.items()
            return f"{show(first)} is on {show(one)} and {show(second)} on {show(two)} against affinity"
    return None


def inversion(
    rules: Rules, node_of: Mapping[str, str], unplaced: Sequence[str], nodes: Sequence[str], fits: Fits
) -> str | None:
    """The first unplaced item that would have had room but for items of lower priority; `None` if there is none.

    Members of affinity groups are placed as one, so they are not looked at one by one.

    Args:
        nodes: All that may be used, those in use and others.
    """
    if not unplaced or not (rules.priority or rules.pinned):
        return None
    together = {item for group in rules.affinity for item in group}
    apart = _apart(rules)
    held: dict[str, list[str]] = {}
    for item, node in node_of.items():
        held.setdefault(node, []).append(item)
    no_more_nodes = rules.max_nodes is not None and len(held) >= rules.max_nodes
    for item in unplaced:
        if item in together:
            continue
        mine, may = _rank(rules, item), rules.nodes_of(item)
        for node in nodes if may is None else may:
            here = held.get(node, [])
            if not here and no_more_nodes:
                # An empty node may not be used beside those that are, but may instead of one of them.
                here = _least(rules, held.values(), mine)
            stay = [each for each in here if _rank(rules, each) >= mine]
            # A pinned item has its node even where that is empty; others are wronged only by someone.
            if len(stay) == len(here) and mine != PINNED:
                continue
            if not apart.get(item, frozenset()).isdisjoint(stay):
                continue
            if fits(item, node, stay):
                if mine == PINNED:
                    return (
                        f"{show(item)} is unplaced although it is pinned to {show(node)} and has room there"
                    )
                lower = next(each for each in here if _rank(rules, each) < mine)
                where = node_of[lower]
                return (
                    f"{show(item)} is unplaced although {show(lower)} of lower priority is on {show(where)}"
                )
    return None


def _least(rules: Rules, held: Iterable[list[str]], mine: float) -> list[str]:
    """What lies on a node that holds nothing but what is below *mine*; empty when there is no such node."""
    return next((here for here in held if all(_rank(rules, each) < mine for each in here)), [])


def _rank(rules: Rules, item: str) -> float:
    return PINNED if item in rules.pinned else rules.priority.get(item, 0.0)


def _apart(rules: Rules) -> dict[str, set[str]]:
    apart: dict[str, set[str]] = {}
    for group in rules.anti_affinity:
        for item in group:
            apart.setdefault(item, set()).update(group)
    return apart
