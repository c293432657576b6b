"""Any reply becomes a typed answer, a decline or a ReplyError; nothing else."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.engine.checks.table import checks_for
from host.engine.present import present
from host.engine.replies import VALUES_LIMIT, Declined, Reply, ReplyError, read_reply
from host.solvers.stop import never
from plugin_sdk.contract.problems import OptimizeRequest, parse_problem


def problem(type_, data):
    return parse_problem(OptimizeRequest("r", type_, data))


PACKING = problem(
    "resource", {"items": [{"id": "a", "cpu": 1}, {"id": "b", "cpu": 1}], "nodeCapacity": {"cpu": 2}}
)
TASK = problem(
    "scheduling",
    {
        "task": {"id": "t", "cpuRequired": 1, "memoryRequired": 1},
        "nodes": [{"id": n, "cpuLoad": 0, "memoryLoad": 0} for n in "xy"],
    },
)
QUEUE = problem(
    "scheduling",
    {
        "jobs": [{"id": n, "submit": 0, "procs": 2, "requestedTime": 1} for n in "jk"],
        "cluster": {"procs": 2},
        "now": 0,
    },
)
TUNING = problem("performance", {"parameters": [{"name": "x", "kind": "float", "low": 0, "high": 1}]})
PREDICTION = problem("ml-driven", {"any": 1})
ALL = [PACKING, TASK, QUEUE, TUNING, PREDICTION]


def read(what, method, said):
    return read_reply(what, method, msgspec.json.encode(said))


def answer(what, method, said):
    reply = read(what, method, said)
    assert isinstance(reply, Reply)
    return reply.answer


def test_items_may_be_ids_or_objects_and_the_rest_is_unplaced():
    found = answer(
        PACKING, "optimize", {"result": {"nodes": [{"id": "n", "items": [{"id": "a", "cpu": 99}]}]}}
    )
    assert [(node.id, node.items) for node in found.nodes] == [("n", ["a"])]
    assert found.unplaced == ["b"]
    found = answer(
        PACKING, "optimize", {"result": {"nodes": [{"items": ["a"]}], "unplacedItems": [{"id": "b"}]}}
    )
    assert [(node.id, node.items) for node in found.nodes] == [("node-1", ["a"])]
    assert found.unplaced == ["b"]


def test_the_best_score_chooses_the_node_and_the_first_of_equals():
    assert answer(TASK, "score", {"scores": [-1, 5]}).node_id == "y"
    assert answer(TASK, "score", {"scores": [2, 2]}).node_id == "x"


def test_scores_of_jobs_become_an_order_with_easy_backfilling():
    found = answer(QUEUE, "score", {"scores": [0.1, 0.9]})
    assert (found.start, found.order) == (["k"], ["k", "j"])


@pytest.mark.parametrize(
    "scores", [None, [], [1], [1, 2, 3], [1, "2"], [1, True], [1, None], [1, 10**400], 7]
)
def test_scores_that_are_not_one_finite_number_a_candidate_are_refused(scores):
    with pytest.raises(ReplyError, match="scores"):
        read(TASK, "score", {"scores": scores})


def test_an_order_alone_is_started_by_the_host_and_an_order_of_the_rest_is_completed():
    found = answer(QUEUE, "optimize", {"result": {"order": ["k", "j"]}})
    assert (found.start, found.order) == (["k"], ["k", "j"])
    found = answer(QUEUE, "optimize", {"result": {"start": ["j"], "order": ["k"]}})
    assert (found.start, found.order) == (["j"], ["j", "k"])


def test_a_prediction_comes_from_predict_or_from_optimize():
    assert answer(PREDICTION, "predict", {"prediction": 4.5}).prediction == 4.5
    assert answer(PREDICTION, "optimize", {"result": {"cpu": 1}}).prediction == {"cpu": 1}


def test_the_shape_of_the_seed_is_understood():
    reply = read(
        TASK,
        "optimize",
        {"success": True, "result": {"nodeId": "x"}, "error": None, "confidence": 2, "model_id": "m"},
    )
    assert reply == Reply(reply.answer, 1.0, "m")
    assert read(TASK, "optimize", {"success": False, "result": None, "error": "too few\npoints"}) == Declined(
        "too few points"
    )


@pytest.mark.parametrize("part", [b"[],", b"{},", b"0,", b'"",'])
def test_a_reply_of_more_values_than_the_loop_can_bear_is_not_read(part):
    raw = b'{"prediction":[' + part * (VALUES_LIMIT + 1) + b"0]}"
    with pytest.raises(ReplyError, match="values"):
        read_reply(PREDICTION, "predict", raw)
    text = msgspec.json.encode({"prediction": "x" * 10 * VALUES_LIMIT})
    assert isinstance(read_reply(PREDICTION, "predict", msgspec.Raw(text)), Reply), "length alone is no fault"


def test_no_is_an_answer():
    assert read(PREDICTION, "predict", {"abstained": True, "reason": "unknown user"}) == Declined(
        "unknown user"
    )
    assert isinstance(read(PREDICTION, "predict", {"abstained": True}), Declined)


@pytest.mark.parametrize("confidence", ["high", None, True, [], 10**400])
def test_a_confidence_that_is_no_number_is_none(confidence):
    reply = read(PREDICTION, "predict", {"prediction": 1, "confidence": confidence})
    assert isinstance(reply, Reply) and reply.confidence is None


def test_a_long_reason_is_cut():
    declined = read(PREDICTION, "predict", {"abstained": True, "reason": "x" * 10_000})
    assert isinstance(declined, Declined) and len(declined.reason) == 200


@pytest.mark.parametrize(
    "raw", [b"", b"[", b"1e400", b'"\xff"', b"NaN", b"[" * 100_000, b"[]", b"null", b"3", b"{}"]
)
@pytest.mark.parametrize("what", ALL, ids=lambda each: type(each).__name__)
def test_bytes_that_are_no_answer_are_refused(what, raw):
    with pytest.raises(ReplyError):
        read_reply(what, "optimize", raw)


word = st.sampled_from(["a", "b", "n", "x", "j", "k", "", "node-1"])
leaf = st.one_of(
    word, st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)
)
names = st.sampled_from(
    [
        "id",
        "items",
        "nodes",
        "unplacedItems",
        "nodeId",
        "start",
        "order",
        "suggestions",
        "params",
        "x",
        "result",
        "scores",
        "prediction",
        "success",
        "error",
        "reason",
        "confidence",
        "modelId",
        "abstained",
    ]
)
anything = st.recursive(
    leaf,
    lambda deeper: st.lists(deeper, max_size=3) | st.dictionaries(names, deeper, max_size=3),
    max_leaves=12,
)


@settings(deadline=None, max_examples=300)
@given(
    what=st.sampled_from(ALL),
    method=st.sampled_from(["optimize", "score", "predict"]),
    said=anything | st.fixed_dictionaries({"result": anything}),
)
def test_whatever_is_said_it_is_read_checked_and_shown_or_refused_with_a_reason(what, method, said):
    if method == "score" and what not in (TASK, QUEUE):
        return  # nobody is asked for scores of anything else
    try:
        reply = read(what, method, said)
    except ReplyError as error:
        assert str(error)
        return
    if isinstance(reply, Declined):
        assert reply.reason
        return
    assessment = checks_for(what).assess(what, reply.answer, never)
    if assessment.verdict.ok and what is not PREDICTION:
        assert msgspec.json.encode(present(what, reply.answer))
