"""Placing things one by one under rules: allowed nodes, pins, groups apart and together, priorities, a bound on nodes.

Theory of operation. What is pinned goes first; then units in order of priority, a unit being one item or all items
that affinity ties together, with the least of their priorities. When an item finds no room, everything that lies
anywhere has at least its priority, and stays: so nothing of higher priority is left out for something lower.
A unit goes onto one node whole, or else as much of it as fits best on one node.

A `Board` knows room and preference (items or pods, lists or columns); the rules are known here alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from host.solvers.stop import Stop
from plugin_sdk.contract.problems.rules import Rules


class RuleState:
    """Which nodes the rules leave to an item, as others are placed. Items and nodes by index.

    Attributes:
        node_of: Where each placed item lies.
        used: The nodes that hold items.
        pinned: The items that are.
    """

    def __init__(self, rules: Rules, ids: Sequence[str], node_ids: Sequence[str]) -> None:
        item_at = {name: index for index, name in enumerate(ids)}
        node_at = {name: index for index, name in enumerate(node_ids)}
        self.node_of: dict[int, int] = {}
        self.used: set[int] = set()
        self._max_nodes = rules.max_nodes
        self._only: dict[int, frozenset[int]] = {}
        self.pinned = {item_at[name] for name in rules.pinned}
        for name in (*rules.allowed, *rules.pinned):
            may = rules.nodes_of(name) or frozenset()
            self._only[item_at[name]] = frozenset(node_at[each] for each in may if each in node_at)
        self._apart: dict[int, list[int]] = {}
        self._held_apart: list[set[int]] = [set() for _ in rules.anti_affinity]
        for number, group in enumerate(rules.anti_affinity):
            for name in group:
                self._apart.setdefault(item_at[name], []).append(number)
        self._together: dict[int, list[int]] = {}
        self._anchor: list[int | None] = [None for _ in rules.affinity]
        for number, group in enumerate(rules.affinity):
            for name in group:
                self._together.setdefault(item_at[name], []).append(number)

    def only(self, item: int) -> frozenset[int] | None:
        """The nodes it is left with by allowed nodes, pins, affinity and the bound; `None` for all."""
        may = self._only.get(item)
        for number in self._together.get(item, ()):
            anchor = self._anchor[number]
            if anchor is not None:
                may = frozenset((anchor,)) if may is None or anchor in may else frozenset()
        if self._max_nodes is not None and len(self.used) >= self._max_nodes:
            may = frozenset(self.used) if may is None else may & self.used
        return may

    def barred(self, item: int) -> set[int]:
        """The nodes that antiAffinity keeps it from."""
        groups = self._apart.get(item, ())
        return set().union(*(self._held_apart[number] for number in groups)) if groups else set()

    def candidates(self, item: int, count: int) -> Iterator[int]:
        """The nodes it may lie on, of *count*, in their order."""
        only, barred = self.only(item), self.barred(item)
        for node in range(count) if only is None else sorted(only):
            if node not in barred:
                yield node

    def permits(self, items: Sequence[int], node: int) -> bool:
        """Whether all of *items* may lie on this node together."""
        groups: set[int] = set()
        for item in items:
            only = self.only(item)
            if (only is not None and node not in only) or node in self.barred(item):
                return False
            mine = self._apart.get(item, ())
            if not groups.isdisjoint(mine):
                return False
            groups.update(mine)
        return True

    def put(self, item: int, node: int) -> None:
        """Takes note of where it lies."""
        self.node_of[item] = node
        self.used.add(node)
        for number in self._apart.get(item, ()):
            self._held_apart[number].add(node)
        for number in self._together.get(item, ()):
            self._anchor[number] = node


class Board(Protocol):
    """Nodes with room."""

    count: int

    def best(self, item: int, state: RuleState) -> int | None:
        """The node this item should go to, of those with room that the rules leave it."""
        ...

    def holds(self, items: Sequence[int], node: int) -> bool:
        """Whether there is room for all of them together."""
        ...

    def put(self, item: int, node: int) -> None:
        """Takes the item's demand from the node, which has room for it."""
        ...


def units_of(rules: Rules, ids: Sequence[str]) -> list[list[int]]:
    """The items by index, those together that affinity ties; pinned ones by themselves and first."""
    item_at = {name: index for index, name in enumerate(ids)}
    leader = list(range(len(ids)))

    def find(item: int) -> int:
        while leader[item] != item:
            leader[item] = leader[leader[item]]
            item = leader[item]
        return item

    for group in rules.affinity:
        for name in group[1:]:
            leader[find(item_at[name])] = find(item_at[group[0]])
    pinned = {item_at[name] for name in rules.pinned}
    tied: dict[int, list[int]] = {}
    for item in range(len(ids)):
        if item not in pinned:
            tied.setdefault(find(item), []).append(item)
    return [[item] for item in sorted(pinned)] + list(tied.values())


def in_order(rules: Rules, ids: Sequence[str], size: Callable[[int], float]) -> list[list[int]]:
    """The units in the order they are placed: pinned, then by priority, then the largest first."""
    rank: Mapping[str, float] = rules.priority

    def key(unit: list[int]) -> tuple[bool, float, float]:
        names = [ids[item] for item in unit]
        priority = min(rank.get(name, 0.0) for name in names)
        return (names[0] not in rules.pinned, -priority, -sum(map(size, unit)))

    return sorted(units_of(rules, ids), key=key)


def place_units(
    units: Sequence[Sequence[int]], board: Board, state: RuleState, size: Callable[[int], float], hurry: Stop
) -> None:
    """Puts each unit where the board likes it best; where everything lies is then in *state*.

    Args:
        hurry: When it says so the units that are left stay where they are, but not the pinned ones: those are few
            and owed their place.
    """
    for unit in units:
        if unit[0] not in state.pinned and hurry():
            return
        if len(unit) == 1:
            found = board.best(unit[0], state)
            if found is not None:
                board.put(unit[0], found)
                state.put(unit[0], found)
            continue
        smallest_first = sorted(unit, key=size)
        node, members = _together(unit, smallest_first, board, state)
        for item in members:
            assert node is not None  # there are members only where there is a node
            board.put(item, node)
            state.put(item, node)


def _together(
    unit: Sequence[int], smallest_first: Sequence[int], board: Board, state: RuleState
) -> tuple[int | None, list[int]]:
    """The node for a unit and which of it go there: all of it where that is possible, else as many as can be."""
    best: tuple[int | None, list[int]] = (None, [])
    # Nodes in use come first, so that whole units do not open new ones without need.
    nodes = [*sorted(state.used), *(node for node in range(board.count) if node not in state.used)]
    for node in nodes:
        if state.permits(unit, node) and board.holds(unit, node):
            return node, list(unit)
    for node in nodes:
        members: list[int] = []
        for item in smallest_first:
            if state.permits([*members, item], node) and board.holds([*members, item], node):
                members.append(item)
        if len(members) > len(best[1]):
            best = (node, members)
    return best
