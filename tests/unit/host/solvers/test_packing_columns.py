"""First fit over columns: feasible like the one over trees, as good on the whole, and in a hurry still whole."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from host.engine.checks.packing import objective, verify
from host.solvers.packing import first_fit_decreasing
from host.solvers.packing_columns import first_fit
from host.solvers.stop import never
from plugin_sdk.contract.problems.packing import parse_packing

amount = st.integers(0, 9)


@st.composite
def problems(draw):
    items = [
        {"id": f"i{n}", "cpu": draw(amount), "memory": draw(amount)} for n in range(draw(st.integers(1, 25)))
    ]
    constraints = draw(st.sampled_from([None, {"maxNodes": 2}]))
    if draw(st.booleans()):
        return parse_packing(
            {"items": items, "nodeCapacity": {"cpu": 10, "memory": draw(amount)}}, constraints
        )
    nodes = [
        {"id": f"n{n}", "capacity": {"cpu": draw(amount), "memory": 9}, "used": {"memory": draw(amount)}}
        for n in range(draw(st.integers(1, 6)))
    ]
    return parse_packing({"items": items, "nodes": nodes}, constraints)


@settings(deadline=None, max_examples=100)
@given(problem=problems(), hurries=st.booleans())
def test_every_answer_is_feasible_and_nothing_is_left_out_that_has_room_in_an_empty_cluster(problem, hurries):
    answer = first_fit(problem, (lambda: True) if hurries else never)
    assert verify(problem, answer).ok
    if not hurries and problem.nodes is None and problem.max_nodes is None:
        trees = first_fit_decreasing(problem)
        assert objective(problem, answer)[0] == objective(problem, trees)[0]


def test_many_items_take_blocks_of_bins_and_few_more_nodes_than_the_bound():
    items = [{"id": str(n), "cpu": 1 + n * 7919 % 50, "memory": 1 + n * 104729 % 97} for n in range(6000)]
    problem = parse_packing({"items": items, "nodeCapacity": {"cpu": 100, "memory": 200}})
    answer = first_fit_decreasing(problem)
    assert verify(problem, answer).ok and not answer.unplaced
    assert len(answer.nodes) <= 1.1 * sum(item["cpu"] for item in items) / 100
