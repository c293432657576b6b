"""Rules beside capacities: who may lie where, who together, who apart, who first. Shared by items and pods.

What each rule means is said once, on the page of requests (docs/reference/http.md, "Constraints"); the host holds
every answer to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from plugin_sdk.contract.decode import ProblemError, show
from plugin_sdk.contract.problems.amounts import amount, only_constraints

KNOWN = ("affinity", "allowedNodes", "antiAffinity", "maxNodes", "pinned", "priority")
ITEM_RULES = frozenset(KNOWN) - {"maxNodes"}  # those that may stand on an item itself


class Rules(msgspec.Struct, frozen=True):
    """The rules of one problem; items and nodes by id.

    Fields:
        max_nodes: How many nodes may hold items; `None` for no bound.
        allowed: The nodes an item may lie on; one that is not named may lie on any.
        anti_affinity: Groups of which no two lie on one node.
        affinity: Groups whose placed items all lie on one node.
        priority: Higher is placed first; one that is not named has 0.
        pinned: The one node an item may lie on; it has its place before all others.
    """

    max_nodes: int | None = None
    allowed: dict[str, frozenset[str]] = {}
    anti_affinity: tuple[tuple[str, ...], ...] = ()
    affinity: tuple[tuple[str, ...], ...] = ()
    priority: dict[str, float] = {}
    pinned: dict[str, str] = {}

    @property
    def only_counts(self) -> bool:
        """Whether there is nothing to heed but the number of nodes."""
        return not (self.allowed or self.anti_affinity or self.affinity or self.priority or self.pinned)

    def nodes_of(self, item: str) -> frozenset[str] | None:
        """Where an item may lie; `None` for anywhere."""
        pin = self.pinned.get(item)
        return self.allowed.get(item) if pin is None else frozenset((pin,))


def parse_rules(
    constraints: Mapping[str, Any] | None,
    sent: Sequence[Mapping[str, Any]],
    root: str,
    nodes: frozenset[str] | None,
    kind: str,
) -> Rules:
    """The rules in `constraints` and on the items themselves.

    Args:
        sent: The items as they were sent, each with its `id` checked.
        root: How the caller knows them, e.g. `data.items`.
        nodes: The ids of the given nodes; `None` when nodes are opened as needed, under any name.

    Raises:
        ProblemError: A rule is not understood, or contradicts another.
    """
    known = only_constraints(constraints, KNOWN, kind)
    reader = _Reader({each["id"] for each in sent}, nodes)
    bound = known.get("maxNodes")
    if bound is not None and (not isinstance(bound, int) or isinstance(bound, bool) or bound < 1):
        raise ProblemError("constraints.maxNodes", bound, "an integer of 1 or more")
    allowed = reader.by_item(known.get("allowedNodes"), "constraints.allowedNodes", reader.some_nodes)
    pinned = reader.by_item(known.get("pinned"), "constraints.pinned", reader.node)
    priority = reader.by_item(known.get("priority"), "constraints.priority", _number)
    groups = {
        name: reader.groups(known.get(name), f"constraints.{name}") for name in ("affinity", "antiAffinity")
    }
    labels: dict[tuple[str, str], list[str]] = {}
    for index, each in enumerate(sent):
        path, item = f"{root}[{index}]", each["id"]
        if each.get("allowedNodes") is not None:
            allowed[item] = reader.some_nodes(each["allowedNodes"], f"{path}.allowedNodes")
        if each.get("pinned") is not None:
            pinned[item] = reader.node(each["pinned"], f"{path}.pinned")
        if each.get("priority") is not None:
            priority[item] = _number(each["priority"], f"{path}.priority")
        for name in groups:
            for label in _labels(each.get(name), f"{path}.{name}"):
                labels.setdefault((name, label), []).append(item)
    for (name, _), members in labels.items():
        groups[name].append(tuple(members))
    rules = Rules(
        bound,
        allowed,
        tuple(group for group in groups["antiAffinity"] if len(group) > 1),
        tuple(group for group in groups["affinity"] if len(group) > 1),
        priority if len({*priority.values(), *([0.0] if len(priority) < len(sent) else [])}) > 1 else {},
        pinned,
    )
    _no_contradiction(rules)
    return rules


class _Reader:
    """Reads parts of rules; what names an item or a node that is not there is refused."""

    def __init__(self, items: set[str], nodes: frozenset[str] | None) -> None:
        self._items = items
        self._nodes = nodes

    def by_item(self, sent: object, path: str, read: Any) -> dict[str, Any]:
        if sent is None:
            return {}
        if not isinstance(sent, dict):
            raise ProblemError(path, sent, "an object from the id of an item to its value")
        found = {}
        for name, value in sent.items():
            if name not in self._items:
                raise ProblemError(f"{path}.{name}", value, "only ids of items of the request")
            found[name] = read(value, f"{path}.{name}")
        return found

    def node(self, value: object, path: str) -> str:
        if not isinstance(value, str) or (self._nodes is not None and value not in self._nodes):
            raise ProblemError(path, value, "the id of a node of the request")
        return value

    def some_nodes(self, value: object, path: str) -> frozenset[str]:
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, list) or not value:
            raise ProblemError(path, value, "a list of ids of nodes, at least one")
        return frozenset(self.node(each, f"{path}[{index}]") for index, each in enumerate(value))

    def groups(self, sent: object, path: str) -> list[tuple[str, ...]]:
        if sent is None:
            return []
        named: Iterable[tuple[str, Any]]
        if isinstance(sent, dict):
            named = ((f"{path}.{name}", group) for name, group in sent.items())
        elif isinstance(sent, list):
            named = ((f"{path}[{index}]", group) for index, group in enumerate(sent))
        else:
            raise ProblemError(path, sent, "a list of groups, each a list of ids of items")
        return [self._group(group, where) for where, group in named]

    def _group(self, sent: object, path: str) -> tuple[str, ...]:
        if not isinstance(sent, list):
            raise ProblemError(path, sent, "a list of ids of items")
        for index, each in enumerate(sent):
            if not isinstance(each, str) or each not in self._items:
                raise ProblemError(f"{path}[{index}]", each, "the id of an item of the request")
        return tuple(dict.fromkeys(sent))


def _labels(sent: object, path: str) -> list[str]:
    """On an item a group is named by a text that its members share."""
    if sent is None:
        return []
    found = [sent] if isinstance(sent, str) else sent
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise ProblemError(path, sent, "the name of a group, or a list of names")
    return list(dict.fromkeys(found))


def _number(value: object, path: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and value < 0:
        return -amount(-value, path)
    return amount(value, path)


def _no_contradiction(rules: Rules) -> None:
    for item, node in rules.pinned.items():
        if node not in rules.allowed.get(item, {node}):
            names = ", ".join(sorted(rules.allowed[item]))
            raise ProblemError(
                f"constraints.pinned.{item}", node, f"one of the nodes it is allowed on: {names}"
            )
    if rules.max_nodes is not None and len(set(rules.pinned.values())) > rules.max_nodes:
        raise ProblemError(
            "constraints.maxNodes", rules.max_nodes, "at least as many as there are nodes with pinned items"
        )
    for group in rules.anti_affinity:
        at: dict[str, str] = {}
        for item in group:
            pin = rules.pinned.get(item)
            if pin in at:
                raise ProblemError(
                    f"constraints.pinned.{item}",
                    pin,
                    f"another node than {show(at[pin])} has, of its antiAffinity",
                )
            if pin is not None:
                at[pin] = item
    for group in rules.affinity:
        pins = {rules.pinned[item] for item in group if item in rules.pinned}
        if len(pins) > 1:
            raise ProblemError(
                "constraints.affinity",
                list(group),
                f"items pinned to one node, not to {', '.join(sorted(pins))}",
            )
