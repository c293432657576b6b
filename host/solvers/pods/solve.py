"""The built-ins for placement: each policy as a solver of a whole request.

The pods are taken by priority, then the most demanding first: what comes late in a full cluster should be small. What
finds no room in the columns, whose integers are a little tight, is tried once more to the last digit.

Sources: Weng et al. (2023), Beware of fragmentation, USENIX ATC (FGD, and best fit, dot product and GPU packing as
it was published against); the rules are ruled.py's.
"""

from __future__ import annotations

from typing import Protocol

from host.solvers.pods.lists import ListedPods, Rank, best_fit, dot_product, fgd, gpu_packing
from host.solvers.pods.ready import columns_are_ready
from host.solvers.pods.room import Room
from host.solvers.ruled import Board, RuleState, in_order, place_units
from host.solvers.stop import Stop, never
from plugin_sdk.contract.problems.placement import Placement, PlacementAnswer, PlacementProblem

COLUMNS_FROM = 1500  # pods x nodes from which the columns are worth asking for


def fgd_pods(problem: PlacementProblem, out_of_time: Stop = never) -> PlacementAnswer:
    """Each pod where fragmentation grows least.

    Args:
        out_of_time: When it says so, the pods that are left go to the first node with room: there is always an answer.
    """
    # It looks at every typical pod for every GPU, so that the lists are slow sooner.
    return _solve(problem, "fgd", fgd, out_of_time, COLUMNS_FROM // max(len(problem.typical), 1))


def best_fit_pods(problem: PlacementProblem, out_of_time: Stop = never) -> PlacementAnswer | None:
    """Each pod where the least CPU and GPU is left."""
    return None if out_of_time() else _solve(problem, "best-fit", best_fit, out_of_time)


def dot_product_pods(problem: PlacementProblem, out_of_time: Stop = never) -> PlacementAnswer | None:
    """Each pod where the remainder points least along its demand."""
    return None if out_of_time() else _solve(problem, "dot-product", dot_product, out_of_time)


def gpu_packing_pods(problem: PlacementProblem, out_of_time: Stop = never) -> PlacementAnswer | None:
    """Each pod on GPUs in use, then on nodes in use, then on idle nodes."""
    return None if out_of_time() else _solve(problem, "gpu-packing", gpu_packing, out_of_time)


def _solve(
    problem: PlacementProblem, policy: str, rank: Rank, hurry: Stop, columns_from: int = COLUMNS_FROM
) -> PlacementAnswer:
    ids = [pod.id for pod in problem.pods]
    state = RuleState(problem.rules, ids, [node.id for node in problem.nodes])
    most_cpu = max(node.cpu_capacity for node in problem.nodes) or 1.0
    most_milli = max(len(node.gpus) for node in problem.nodes) * 1000.0 or 1.0

    def size(item: int) -> float:
        pod = problem.pods[item]
        return pod.cpu / most_cpu + (pod.gpu.total_milli / most_milli if pod.gpu else 0.0)

    units = in_order(problem.rules, ids, size)
    spots: dict[int, list[int]] = {}
    if not hurry():
        board = _board(problem, policy, rank, columns_from, hurry)
        place_units(units, board, state, size, hurry)
        spots = board.spots
    if len(state.node_of) < len(ids):
        _the_rest(problem, state, units, spots)
    placements = [
        Placement(ids[item], problem.nodes[node].id, spots[item]) for item, node in state.node_of.items()
    ]
    return PlacementAnswer(placements, [name for item, name in enumerate(ids) if item not in state.node_of])


class _SpottingBoard(Board, Protocol):
    """A board that remembers the GPUs it gave."""

    spots: dict[int, list[int]]


def _board(
    problem: PlacementProblem, policy: str, rank: Rank, columns_from: int, hurry: Stop
) -> _SpottingBoard:
    # Under priorities room must be known to the last digit: one that the columns' rounding left out would be
    # wronged by whatever of lower priority is placed after it.
    small = len(problem.pods) * len(problem.nodes) < columns_from
    if small or problem.rules.priority or not columns_are_ready(hurry):
        return ListedPods(problem.nodes, problem.pods, problem.typical, rank)
    from host.solvers.pods.columns import ColumnPods  # numpy: for problems that are worth it

    return ColumnPods(problem, policy)


def _the_rest(
    problem: PlacementProblem, state: RuleState, units: list[list[int]], spots: dict[int, list[int]]
) -> None:
    """What is not placed, to the first node that has room to the last digit; whole units only."""
    rooms = [Room(node) for node in problem.nodes]
    for item, node in state.node_of.items():
        rooms[node].put(problem.pods[item], spots[item])
    hopeless: set[tuple[object, ...]] = set()
    for unit in units:
        if len(unit) > 1 or unit[0] in state.node_of:
            continue
        item = unit[0]
        pod = problem.pods[item]
        kind = (pod.cpu, pod.memory, pod.gpu)
        free = state.only(item) is None and not state.barred(item)
        if free and kind in hopeless:
            continue
        found = next((each for each in state.candidates(item, len(rooms)) if rooms[each].takes(pod)), None)
        if found is None:
            if free:
                hopeless.add(kind)  # nothing is given back, so its like will find no room either
            continue
        spots[item] = rooms[found].tightest(pod)
        rooms[found].put(pod, spots[item])
        state.put(item, found)
