"""Every exchange of the JSON-RPC 2.0 specification's section 7, and what a dispatcher must not do."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import msgspec
import pytest

from host.errors import NotFoundError
from host.gateway.dispatch import Dispatcher, Method
from host.gateway.envelope import EnvelopeLimits
from plugin_sdk.contract.decode import ProblemError


async def subtract(context: Any, params: Any) -> object:
    if isinstance(params, list):
        return params[0] - params[1]
    return params["minuend"] - params["subtrahend"]


async def total(context: Any, params: Any) -> object:
    return sum(params)


async def get_data(context: Any, params: Any) -> object:
    return ["hello", 5]


async def nothing(context: Any, params: Any) -> object:
    return None


SPECIFICATION: dict[str, Method] = {
    "subtract": subtract,
    "sum": total,
    "get_data": get_data,
    "update": nothing,
    "notify_hello": nothing,
    "notify_sum": nothing,
}

PARSE = {"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": None}
INVALID = {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": None}


def ok(request_id: object, result: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "result": result, "id": request_id}


def unknown(request_id: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": request_id}


EXCHANGES: list[tuple[str, str, object]] = [
    ("positional", '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}', ok(1, 19)),
    (
        "positional, other order",
        '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}',
        ok(2, -19),
    ),
    (
        "named",
        '{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
        ok(3, 19),
    ),
    (
        "named, other order",
        '{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
        ok(4, 19),
    ),
    ("notification", '{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', None),
    ("notification of an unknown method", '{"jsonrpc": "2.0", "method": "foobar"}', None),
    ("unknown method", '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}', unknown("1")),
    ("invalid JSON", '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', PARSE),
    ("invalid request", '{"jsonrpc": "2.0", "method": 1, "params": "bar"}', INVALID),
    (
        "batch, invalid JSON",
        '[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc": "2.0", "method"]',
        PARSE,
    ),
    ("empty array", "[]", INVALID),
    ("invalid batch of one", "[1]", [INVALID]),
    ("invalid batch of three", "[1,2,3]", [INVALID, INVALID, INVALID]),
    (
        "batch of everything",
        """[
        {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
        {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
        {"foo": "boo"},
        {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
        {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
        ]""",
        [ok("1", 7), ok("2", 19), INVALID, unknown("5"), ok("9", ["hello", 5])],
    ),
    (
        "batch of notifications",
        """[{"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
            {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}]""",
        None,
    ),
]


@pytest.mark.parametrize(("body", "expected"), [pytest.param(b, e, id=name) for name, b, e in EXCHANGES])
async def test_an_exchange_of_the_specification_is_answered_exactly(body: str, expected: object) -> None:
    """Source: JSON-RPC 2.0 Specification, section 7."""
    response = await Dispatcher(SPECIFICATION).answer(body.encode(), None)
    assert (None if response is None else json.loads(response)) == expected


async def ask(method: Method, params: object = None, **members: object) -> dict[str, Any]:
    element: dict[str, object] = {"jsonrpc": "2.0", "method": "m", "id": 1, **members}
    if params is not None:
        element["params"] = params
    response = await Dispatcher({"m": method}).answer(msgspec.json.encode(element), "the context")
    assert response is not None
    answered: dict[str, Any] = json.loads(response)
    return answered


@pytest.mark.parametrize("request_id", [0, 2**80, -1.5, "", None])
async def test_the_id_comes_back_as_it_was_sent(request_id: object) -> None:
    assert (await ask(nothing, id=request_id))["id"] == request_id


async def test_an_unheard_of_member_of_the_request_does_no_harm() -> None:
    assert (await ask(nothing, traceparent="00-ab-cd-01"))["result"] is None


async def test_parameters_named_like_the_machinery_reach_the_method() -> None:
    async def echo(context: Any, params: Any) -> object:
        return [context, params]

    params = {"context": 1, "self": 2, "args": 3, "kwargs": 4, "not an identifier": 5, "": 6}
    assert (await ask(echo, params))["result"] == ["the context", params]


async def test_a_problem_becomes_invalid_params_with_path_value_and_hint() -> None:
    async def fails(context: Any, params: Any) -> object:
        raise ProblemError("data.items[0].cpu", -1, "a number, 0 or more")

    assert (await ask(fails))["error"] == {
        "code": -32602,
        "message": "data.items[0].cpu is -1; give a number, 0 or more",
        "data": {
            "kind": "invalidParams",
            "path": "data.items[0].cpu",
            "value": -1,
            "hint": "give a number, 0 or more",
        },
    }


async def test_an_error_of_ours_keeps_its_code_text_and_data() -> None:
    async def fails(context: Any, params: Any) -> object:
        raise NotFoundError("no plugin is called 'x'", path="name", value="x", hint="did you mean 'y'?")

    error = (await ask(fails))["error"]
    assert (error["code"], error["message"]) == (-32007, "no plugin is called 'x'")
    assert error["data"] == {"kind": "notFound", "path": "name", "value": "x", "hint": "did you mean 'y'?"}


async def test_an_unexpected_exception_is_logged_once_and_its_text_is_not_sent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fails(context: Any, params: Any) -> object:
        raise RuntimeError("the password is hunter2")

    with caplog.at_level(logging.DEBUG):
        response = await ask(fails)
    assert response["error"]["code"] == -32603
    assert response["error"]["message"] == "internal error"
    assert "hunter2" not in json.dumps(response)
    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.__dict__["error_id"] in response["error"]["data"]["hint"]


@pytest.mark.parametrize("result", [object(), "\ud800", {1, object()}])
async def test_a_result_that_is_no_json_is_an_internal_error(result: object) -> None:
    async def answers(context: Any, params: Any) -> object:
        return result

    assert (await ask(answers))["error"]["code"] == -32603


async def test_numbers_that_are_not_finite_are_written_as_null() -> None:
    async def answers(context: Any, params: Any) -> object:
        return [float("nan"), float("inf")]

    assert (await ask(answers))["result"] == [None, None]


async def test_a_mistyped_method_gets_a_suggestion() -> None:
    response = await Dispatcher({"engine.optimize": nothing}).answer(
        b'{"jsonrpc":"2.0","method":"engine.optimise","id":1}', None
    )
    assert response is not None
    assert json.loads(response)["error"]["data"] == {
        "kind": "methodNotFound",
        "hint": "did you mean 'engine.optimize'?",
    }


async def test_a_batch_runs_as_many_calls_at_once_as_allowed_and_no_more() -> None:
    running = 0
    most = 0
    all_in = asyncio.Event()

    async def crowd(context: Any, params: Any) -> object:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 3:
            all_in.set()
        await asyncio.wait_for(all_in.wait(), 5)
        running -= 1
        return params

    calls = [{"jsonrpc": "2.0", "method": "m", "params": [n], "id": n} for n in range(20)]
    dispatcher = Dispatcher({"m": crowd}, concurrency=3)
    response = await dispatcher.answer(msgspec.json.encode(calls), None)
    assert response is not None
    assert [answer["result"] for answer in json.loads(response)] == [[n] for n in range(20)]
    assert most == 3


async def test_cancelling_the_answer_cancels_every_call_of_the_batch() -> None:
    begun = asyncio.Semaphore(0)
    cancelled: list[int] = []

    async def hang(context: Any, params: Any) -> object:
        begun.release()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(params[0])
            raise
        return None

    calls = [{"jsonrpc": "2.0", "method": "m", "params": [n], "id": n} for n in range(2)]
    task = asyncio.create_task(Dispatcher({"m": hang}).answer(msgspec.json.encode(calls), None))
    async with asyncio.timeout(5):
        await begun.acquire()
        await begun.acquire()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(cancelled) == [0, 1]


async def test_a_batch_over_the_bound_runs_nothing() -> None:
    ran = False

    async def note(context: Any, params: Any) -> object:
        nonlocal ran
        ran = True
        return None

    dispatcher = Dispatcher({"m": note}, limits=EnvelopeLimits(max_batch=2))
    response = await dispatcher.answer(
        msgspec.json.encode([{"jsonrpc": "2.0", "method": "m", "id": 1}] * 3), None
    )
    assert response is not None
    assert json.loads(response)["error"]["code"] == -32600
    assert not ran
