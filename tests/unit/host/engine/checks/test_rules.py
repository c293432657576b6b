"""The rules beside capacities: the verifier agrees with a slow reading of them, and the built-ins keep them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.engine.checks import packing, placement
from host.solvers.builtins import built_ins
from host.solvers.pods.lists import best_fit
from host.solvers.pods.solve import _solve
from host.solvers.stop import never
from plugin_sdk.contract.problems.packing import PackedNode, PackingAnswer, parse_packing
from plugin_sdk.contract.problems.placement import Placement, PlacementAnswer, parse_placement

NODES = ["n0", "n1", "n2"]


@st.composite
def constraints(draw, ids):
    """Rules on these ids, none of which contradicts another."""
    found = {}
    some = st.lists(st.sampled_from(ids), min_size=2, max_size=3, unique=True)
    if len(ids) > 1 and draw(st.booleans()):
        found["antiAffinity"] = [draw(some)]
    if len(ids) > 1 and draw(st.booleans()):
        found["affinity"] = [draw(some)]
    if draw(st.booleans()):
        found["priority"] = {name: draw(st.integers(0, 2)) for name in ids}
    if draw(st.booleans()):
        found["allowedNodes"] = {
            draw(st.sampled_from(ids)): draw(st.lists(st.sampled_from(NODES), min_size=1))
        }
    elif draw(st.booleans()):
        found["pinned"] = {draw(st.sampled_from(ids)): draw(st.sampled_from(NODES))}
    if draw(st.booleans()):
        found["maxNodes"] = draw(st.integers(1, 2))
    return found


def keeps(rules, node_of, ids, fits):
    """The meaning of the rules, said again: *fits(item, others)* is whether they have room on one node together."""
    unplaced = [name for name in ids if name not in node_of]
    if "maxNodes" in rules and len(set(node_of.values())) > rules["maxNodes"]:
        return False
    for name, node in node_of.items():
        if node not in rules.get("allowedNodes", {}).get(name, [node]):
            return False
        if node != rules.get("pinned", {}).get(name, node):
            return False
    for group in rules.get("antiAffinity", []):
        at = [node_of[name] for name in group if name in node_of]
        if len(at) != len(set(at)):
            return False
    for group in rules.get("affinity", []):
        if len({node_of[name] for name in group if name in node_of}) > 1:
            return False

    def rank(name):
        return 9 if name in rules.get("pinned", {}) else rules.get("priority", {}).get(name, 0)

    for name in unplaced:
        if any(name in group for group in rules.get("affinity", [])):
            continue
        for node in NODES:
            if node not in rules.get("allowedNodes", {}).get(name, [node]):
                continue
            if node != rules.get("pinned", {}).get(name, node):
                continue
            here = [each for each in node_of if node_of[each] == node]
            if not here and len(set(node_of.values())) >= rules.get("maxNodes", 9):
                # One of the nodes that are used may be given up for this one, if nobody on it is as important.
                others = [[each for each in node_of if node_of[each] == used] for used in NODES]
                here = next((on for on in others if on and max(map(rank, on)) < rank(name)), [])
            stay = [each for each in here if rank(each) >= rank(name)]
            apart = any(
                name in group and each in group for group in rules.get("antiAffinity", []) for each in stay
            )
            wronged = len(stay) < len(here) or rank(name) == 9
            if wronged and not apart and fits(name, node, stay):
                return False
    return True


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_packing_under_rules(data):
    sizes = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    ids = [f"i{n}" for n in range(len(sizes))]
    size = dict(zip(ids, sizes, strict=True))
    room = {node: data.draw(st.integers(2, 6)) for node in NODES}
    rules = data.draw(constraints(ids))
    problem = parse_packing(
        {
            "items": [{"id": name, "cpu": size[name]} for name in ids],
            "nodes": [{"id": node, "capacity": {"cpu": room[node]}} for node in NODES],
        },
        rules,
    )

    def fits(name, node, others):
        return size[name] + sum(size[each] for each in others) <= room[node]

    right = {}
    for places in itertools.product([None, *NODES], repeat=len(ids)):
        node_of = {name: node for name, node in zip(ids, places, strict=True) if node}
        held = {node: [name for name in node_of if node_of[name] == node] for node in NODES}
        good = all(sum(size[name] for name in held[node]) <= room[node] for node in NODES) and keeps(
            rules, node_of, ids, fits
        )
        answer = PackingAnswer(
            [PackedNode(node, held[node]) for node in NODES if held[node]],
            [name for name in ids if name not in node_of],
        )
        assert packing.verify(problem, answer).ok == good, (rules, places)
        if good:
            right[places] = packing.objective(problem, answer)
            assert packing.bound(problem) <= right[places]
    for built_in in built_ins(problem):
        answer = built_in.solve(problem, never)
        verdict = packing.verify(problem, answer)
        assert verdict.ok, (built_in.name, rules, size, room, verdict.broken)


@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_placement_under_rules(data):
    shares = data.draw(st.lists(st.sampled_from([0, 400, 600, 1000]), min_size=1, max_size=3))
    ids = [f"i{n}" for n in range(len(shares))]
    milli = dict(zip(ids, shares, strict=True))
    free = {node: data.draw(st.lists(st.sampled_from([500, 1000]), min_size=1, max_size=2)) for node in NODES}
    rules = data.draw(constraints(ids))
    problem = parse_placement(
        {
            "pods": [{"id": name, "cpu": 1, "memory": 0, "gpu": {"milli": milli[name]}} for name in ids],
            "nodes": [{"id": node, "cpu": 2, "memory": 0, "gpus": free[node]} for node in NODES],
        },
        rules,
    )
    spots = [None, *((node, gpu) for node in NODES for gpu in range(len(free[node])))]
    for places in itertools.product(spots, repeat=len(ids)):
        at = {name: spot for name, spot in zip(ids, places, strict=True) if spot}

        def used(node, names, at=at):
            left = list(free[node])
            for name in names:
                left[at[name][1]] -= milli[name]
            return left

        def fits(name, node, others):
            return len(others) < 2 and (
                not milli[name] or any(each >= milli[name] for each in used(node, others))
            )

        node_of = {name: spot[0] for name, spot in at.items()}
        held = {node: [name for name in at if node_of[name] == node] for node in NODES}
        good = all(len(held[node]) <= 2 and min(used(node, held[node])) >= 0 for node in NODES) and keeps(
            rules, node_of, ids, fits
        )
        answer = PlacementAnswer(
            [Placement(name, node, [gpu] if milli[name] else []) for name, (node, gpu) in at.items()],
            [name for name in ids if name not in at],
        )
        assert placement.verify(problem, answer).ok == good, (rules, places)
    for built_in in built_ins(problem):
        answer = built_in.solve(problem, never)
        verdict = placement.verify(problem, answer)
        assert verdict.ok, (built_in.name, rules, milli, free, verdict.broken)
    for policy in ("fgd", "best-fit"):
        answer = _solve(problem, policy, best_fit, never, columns_from=0)
        assert placement.verify(problem, answer).ok, (policy, rules, milli, free)


ITEMS = [{"id": name, "cpu": 1} for name in "abc"]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"sticky": True}, "constraints.sticky is true.*only the members affinity, allowedNodes"),
        ({"allowedNodes": {"z": ["n0"]}}, "constraints.allowedNodes.z .*only ids of items"),
        (
            {"allowedNodes": {"a": ["n9"]}},
            r"constraints.allowedNodes.a\[0\] is \"n9\"; give the id of a node",
        ),
        ({"allowedNodes": {"a": []}}, "a list of ids of nodes, at least one"),
        ({"allowedNodes": ["a"]}, "an object from the id of an item"),
        ({"antiAffinity": [["a", "z"]]}, r"constraints.antiAffinity\[0\]\[1\] is \"z\""),
        ({"affinity": "a"}, "constraints.affinity is .*a list of groups"),
        ({"priority": {"a": "high"}}, "constraints.priority.a is .*a number"),
        ({"pinned": {"a": 3}}, "constraints.pinned.a is 3; give the id of a node"),
        ({"pinned": {"a": "n0"}, "allowedNodes": {"a": ["n1"]}}, "one of the nodes it is allowed on: n1"),
        ({"pinned": {"a": "n0", "b": "n0"}, "antiAffinity": [["a", "b"]]}, "another node than .a. has"),
        ({"pinned": {"a": "n0", "b": "n1"}, "affinity": [["a", "b"]]}, "items pinned to one node"),
        (
            {"pinned": {"a": "n0", "b": "n1"}, "maxNodes": 1},
            "at least as many as there are nodes with pinned",
        ),
        ({"maxNodes": 0}, "an integer of 1 or more"),
    ],
)
def test_a_rule_that_is_not_understood_or_contradicts_another_is_refused(rules, message):
    nodes = [{"id": node, "capacity": {"cpu": 2}} for node in NODES]
    with pytest.raises(ValueError, match=message):
        parse_packing({"items": ITEMS, "nodes": nodes}, rules)


def test_rules_may_stand_on_the_items_and_groups_may_have_names():
    on_items = [
        {"id": "a", "cpu": 1, "allowedNodes": ["x"], "antiAffinity": "web", "priority": 3},
        {"id": "b", "cpu": 1, "pinned": "y", "antiAffinity": ["web"], "affinity": "pair"},
        {"id": "c", "cpu": 1, "affinity": "pair"},
    ]
    apart = parse_packing({"items": on_items, "nodeCapacity": {"cpu": 2}})
    said = {
        "allowedNodes": {"a": ["x"]},
        "antiAffinity": {"web": ["a", "b"]},
        "priority": {"a": 3},
        "pinned": {"b": "y"},
        "affinity": [["b", "c"]],
    }
    together = parse_packing({"items": ITEMS, "nodeCapacity": {"cpu": 2}}, said)
    assert apart.rules == together.rules


def test_nodes_that_are_opened_take_the_names_that_rules_give_them():
    problem = parse_packing(
        {"items": ITEMS, "nodeCapacity": {"cpu": 2}}, {"pinned": {"a": "blue"}, "antiAffinity": [["a", "b"]]}
    )
    for built_in in built_ins(problem):
        answer = built_in.solve(problem, never)
        assert packing.verify(problem, answer).ok
        assert {node.id: sorted(node.items) for node in answer.nodes}["blue"] == ["a", "c"]
        assert not answer.unplaced


def test_a_bound_on_nodes_is_no_way_to_put_many_of_low_priority_before_one_of_high():
    """Two low ones on the one node that may be used would be fewer unplaced, and the high one has no room there."""
    data = {
        "items": [{"id": "high", "cpu": 3}, {"id": "low", "cpu": 1}, {"id": "lower", "cpu": 1}],
        "nodes": [{"id": "small", "capacity": {"cpu": 2}}, {"id": "large", "capacity": {"cpu": 3}}],
    }
    problem = parse_packing(data, {"maxNodes": 1, "priority": {"high": 5}})
    many = PackingAnswer([PackedNode("small", ["low", "lower"])], ["high"])
    assert packing.verify(problem, many).broken == (
        '"high" is unplaced although "low" of lower priority is on "small"'
    )
    one = PackingAnswer([PackedNode("large", ["high"])], ["low", "lower"])
    assert packing.verify(problem, one).ok
    for built_in in built_ins(problem):
        assert packing.verify(problem, built_in.solve(problem, never)).ok
