"""Packs items onto as few nodes as it can: several greedy constructions, then ruin and recreate.

Sources: first-fit and best-fit decreasing, Johnson (1973); the dot-product rule for several resources,
Panigrahy et al., "Heuristics for Vector Bin Packing" (2011); ruin and recreate, Schrimpf et al. (2000),
accepting by the sum of squared fills, Falkenauer (1996).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from plugin_sdk import Abstained, CallContext

TOLERANCE = 1e-12  # of a mean capacity; rounding only, far below what the host lets pass (1e-9)
SHARE_OF_DEADLINE = 0.5  # the rest is for the way there and back

Vector = list[float]


class OutOfTimeError(Exception):
    """The time for a construction is up."""


class GreedyPacker:
    """The plugin: reads the request, searches until time is up, names items and nodes by their ids."""

    def __init__(self) -> None:
        self.search_s = 0.25
        self.rounds = 500
        self.seed = 1

    def init(self, config: dict[str, Any]) -> None:
        """Takes the manifest's `[config]` with the operator's settings over it."""
        self.search_s = float(config.get("search_ms", 250)) / 1000
        self.rounds = int(config.get("rounds", self.rounds))
        self.seed = int(config.get("seed", 1))

    def optimize(self, request: dict[str, Any], *, context: CallContext) -> dict[str, Any] | Abstained:
        """An assignment of the request's items, feasible, with as few unplaced and then as few nodes as found."""
        left_s = context.remaining_s
        until = time.monotonic() + min(
            self.search_s, self.search_s if left_s is None else left_s * SHARE_OF_DEADLINE
        )
        data = request["data"]
        if "items" not in data:
            return Abstained(reason="only packing is decided here")
        empty = Packing.of(data, request.get("constraints") or {})
        packing = search(empty, until, self.rounds, random.Random(self.seed))
        if packing is None:
            return Abstained(reason=f"{len(data['items'])} items are too many for the time given")
        items = [item["id"] for item in data["items"]]
        held = packing.held
        return {
            "nodes": [{"id": packing.ids[i], "items": [items[k] for k in held[i]]} for i in packing.open()],
            "unplacedItems": [items[k] for k in packing.unplaced],
        }


class Packing:
    """Which node holds which items. Amounts are shares of the mean capacity, so that resources compare.

    Fields:
        demand: Of each item, shape (items, resources).
        free: What is left on each node, shape (nodes, resources); nodes that are not open yet included.
        held: Item numbers on each node. unplaced: Item numbers on none.
        bound: No packing of all items uses fewer nodes.
    """

    def __init__(self, demand: list[Vector], free: list[Vector], ids: list[str], max_nodes: int) -> None:
        self.demand = demand
        self.size = [sum(each) for each in demand]
        self.whole = free
        self.free = [each[:] for each in free]
        self.ids = ids
        self.max_nodes = max_nodes
        self.held: list[list[int]] = [[] for _ in free]
        self.unplaced: list[int] = list(range(len(demand)))
        self.bound = fewest_nodes(demand, free)

    @classmethod
    def of(cls, data: dict[str, Any], constraints: dict[str, Any]) -> Packing:
        """The empty packing of a request's data: equal nodes named node-1, node-2, ..., or given ones."""
        items = data["items"]
        if "nodes" in data:
            given = data["nodes"]
            names = list(dict.fromkeys(name for node in given for name in node["capacity"]))
            rooms = [
                [node["capacity"].get(r, 0) - (node.get("used") or {}).get(r, 0) for r in names]
                for node in given
            ]
            ids = [node["id"] for node in given]
        else:
            names = list(data["nodeCapacity"])
            rooms = [[data["nodeCapacity"][r] for r in names] for _ in items]
            ids = [f"node-{i + 1}" for i in range(len(items))]
        unit = [sum(column) / len(rooms) or 1.0 for column in zip(*rooms, strict=True)]
        return cls(
            [[item.get(r, 0) / unit[i] for i, r in enumerate(names)] for item in items],
            [[room[i] / unit[i] for i in range(len(names))] for room in rooms],
            ids,
            min(constraints.get("maxNodes") or len(ids), len(ids)),
        )

    def open(self) -> list[int]:
        """The nodes that hold something."""
        return [node for node, items in enumerate(self.held) if items]

    def fits(self, item: int, node: int) -> bool:
        return all(d <= f + TOLERANCE for d, f in zip(self.demand[item], self.free[node], strict=True))

    def put(self, item: int, node: int) -> None:
        self.held[node].append(item)
        self.free[node] = [f - d for d, f in zip(self.demand[item], self.free[node], strict=True)]

    def clear(self, node: int) -> list[int]:
        """Takes everything off a node."""
        items, self.held[node] = self.held[node], []
        self.free[node] = self.whole[node][:]  # not added back up: rounding would pile up
        return items

    def cost(self) -> tuple[int, int, float]:
        """Unplaced, nodes used, and minus the squared fills: full nodes beside nearly empty ones are better."""
        fills = 0.0
        used = self.open()
        for node in used:
            fills += sum(self.size[item] for item in self.held[node]) ** 2
        return len(self.unplaced), len(used), -fills

    def saved(self) -> tuple[list[list[int]], list[Vector], list[int]]:
        return [each[:] for each in self.held], self.free[:], self.unplaced[:]

    def restore(self, saved: tuple[list[list[int]], list[Vector], list[int]]) -> None:
        self.held, self.free, self.unplaced = [each[:] for each in saved[0]], saved[1][:], saved[2][:]


def fewest_nodes(demand: list[Vector], rooms: list[Vector]) -> int:
    """A lower bound: for each resource, how many of the largest nodes its whole demand fills."""
    most = 1
    for r in range(len(rooms[0])):
        need = sum(each[r] for each in demand)
        count = 0
        for room in sorted((each[r] for each in rooms), reverse=True):
            if need <= TOLERANCE * max(1, count):
                break
            need -= room
            count += 1
        most = max(most, count)
    return most


def place(packing: Packing, order: list[int], until: float, *, tightest: bool) -> None:
    """Puts items one by one on the first (or the tightest) open node where they fit, else opens one."""
    used = packing.open()
    smallest = [min(column) for column in zip(*packing.demand, strict=True)]
    # Nodes with no room for even the smallest demand are not looked at again.
    live = [
        n for n in used if all(s <= f + TOLERANCE for s, f in zip(smallest, packing.free[n], strict=True))
    ]
    shut = [node for node, items in enumerate(packing.held) if not items]
    shut.sort(key=lambda node: -sum(packing.whole[node]))
    unplaced: list[int] = []
    opened = len(used)
    for count, item in enumerate(order):
        if count % 16 == 0 and time.monotonic() > until:
            raise OutOfTimeError
        room = (node for node in live if packing.fits(item, node))
        chosen = min(room, key=lambda n: sum(packing.free[n]), default=None) if tightest else next(room, None)
        if chosen is None and opened < packing.max_nodes:
            chosen = next((node for node in shut if packing.fits(item, node)), None)
            if chosen is not None:
                shut.remove(chosen)
                live.append(chosen)
                opened += 1
        if chosen is None:
            unplaced.append(item)
            continue
        packing.put(item, chosen)
        if any(s > f + TOLERANCE for s, f in zip(smallest, packing.free[chosen], strict=True)):
            live.remove(chosen)
    packing.unplaced = unplaced


def fill(packing: Packing, until: float) -> None:
    """Fills node after node, each time with the item whose demand lies closest to what is free there."""
    rest = packing.unplaced
    total = [sum(column) or 1.0 for column in zip(*packing.demand, strict=True)]
    weight = [each / max(total) for each in total]  # scarce resources count more
    shut = sorted(
        (n for n, items in enumerate(packing.held) if not items), key=lambda n: -sum(packing.whole[n])
    )
    for node in shut[: packing.max_nodes]:
        rest = sorted(rest, key=lambda item: -packing.size[item])
        while rest:
            if time.monotonic() > until:
                raise OutOfTimeError
            free = packing.free[node]
            worth = [w * f for w, f in zip(weight, free, strict=True)]
            fitting = [item for item in rest if packing.fits(item, node)]
            if not fitting:
                break
            best = max(
                fitting, key=lambda item: sum(d * w for d, w in zip(packing.demand[item], worth, strict=True))
            )
            packing.put(best, node)
            rest.remove(best)
    packing.unplaced = rest


def search(packing: Packing, until: float, rounds: int, chance: random.Random) -> Packing | None:
    """The best packing found by *until*; `None` when there was not even time for the first.

    Args:
        packing: Empty; it is filled in place.
        until: On `time.monotonic()`, seconds.
        rounds: Of ruin and recreate, at most. With time enough for them the answer does not depend on the machine.
    """
    empty = packing.saved()
    best = None
    best_cost: tuple[float, ...] = ()
    for construct in constructions(packing, until):
        packing.restore(empty)
        try:
            construct()
        except OutOfTimeError:
            break
        if best is None or packing.cost() < best_cost:
            best, best_cost = packing.saved(), packing.cost()
        if best_cost[:2] <= (0, packing.bound):
            break
    if best is None:
        return None
    packing.restore(best)
    improve(packing, until, rounds, chance)
    return packing


def constructions(packing: Packing, until: float) -> list[Callable[[], None]]:
    """The greedy ways to start, cheapest first."""
    items = range(len(packing.demand))
    by_sum = sorted(items, key=lambda item: -packing.size[item])
    by_max = sorted(items, key=lambda item: -max(packing.demand[item]))
    by_square = sorted(items, key=lambda item: -sum(d * d for d in packing.demand[item]))
    ways = [(order, tight) for tight in (False, True) for order in (by_sum, by_max, by_square)]
    found: list[Callable[[], None]] = [
        lambda order=order, tight=tight: place(packing, order, until, tightest=tight)  # type: ignore[misc]
        for order, tight in ways
    ]
    return [*found, lambda: fill(packing, until)]


def improve(packing: Packing, until: float, rounds: int, chance: random.Random) -> None:
    """Ruin and recreate: empties a few nodes, packs their items anew, keeps what is no worse."""
    cost = packing.cost()
    for _ in range(rounds):
        if time.monotonic() >= until or cost[:2] <= (0, packing.bound):
            return
        used = packing.open()
        if not used:
            return
        saved = packing.saved()
        # The emptiest is the one to get rid of; the others make room for its items.
        emptiest = min(used, key=lambda node: sum(packing.size[item] for item in packing.held[node]))
        ruined = {emptiest, *chance.sample(used, min(len(used), chance.randint(1, 4)))}
        loose = packing.unplaced + [item for node in ruined for item in packing.clear(node)]
        loose.sort(key=lambda item: -packing.size[item] * chance.uniform(0.7, 1.3))
        try:
            place(packing, loose, until, tightest=chance.random() < 0.5)
        except OutOfTimeError:
            packing.restore(saved)
            return
        found = packing.cost()
        if found <= cost:
            cost = found
        else:
            packing.restore(saved)
