"""Checks of how it stands pressure: deadlines, cancelling, bad input, ten thousand calls, its own limits."""

from __future__ import annotations

import time
from collections import deque
from itertools import cycle, islice
from typing import Any

import msgspec

from plugin_sdk.testing.channel import thread_count
from plugin_sdk.testing.conformance.kit import Kit, silent
from plugin_sdk.testing.conformance.lives import teach
from plugin_sdk.testing.conformance.report import Fault, SkipError
from plugin_sdk.testing.session import GRACE_S, IN_FLIGHT, SLOW_MACHINE, Answer, Session, SilentError

MIB = 2**20
WARM_UP = 0.2  # of the calls, in which caches may fill
GROWTH_BYTES = 3 * MIB  # after that; noise of allocators is below it
LOOKS = 3  # as long again, where it grew: a leak goes on: what grows at first, such as the heap of a runtime that collects its garbage late, stops
STEPS = 20  # measurements in each
_PATIENCE_S = GRACE_S + SLOW_MACHINE
_TINY_MS = 1.0
_MOST_QUOTED = 3


def deadline(kit: Kit) -> str:
    """A call whose deadline is over at once is answered all the same, soon, and so is the next."""
    questions = kit.questions()
    if not questions:
        raise SkipError("it can be asked nothing of what it handles")
    slowest = 0.0
    with kit.ready() as session:
        teach(kit, session)
        for _, method, params in questions:
            remedy = "look at _meta.deadlineMs (CallContext.should_stop in the SDK) and answer with what there is, or -32000"
            slowest = max(slowest, _soon(session, method, params, remedy, deadline_ms=_TINY_MS).took_s)
        _soon(session, "ping", {}, "go on answering after a deadline that passed")
    return f"slowest {slowest * 1000:.0f} ms after a deadline of {_TINY_MS:g} ms"


def cancel(kit: Kit) -> str:
    """A cancelled call is answered, once, soon; cancelling what is not known changes nothing."""
    questions = kit.questions()
    if not questions:
        raise SkipError("it can be asked nothing of what it handles")
    with kit.ready() as session:
        for _, method, params in questions:
            request_id = session.post(method, params)
            session.notify("$/cancelRequest", {"id": request_id})
            try:
                session.answer(request_id, _PATIENCE_S)
            except SilentError as error:
                raise silent(
                    error,
                    "a cancelled call must be answered all the same, with -32800 or its result, within "
                    f"{GRACE_S:g} s; the host ends a plugin that does not",
                ) from error
        session.notify("$/cancelRequest", {"id": 987654321})
        session.notify("$/cancelRequest", {"id": "never-sent"})
        _soon(session, "ping", {}, "ignore a $/cancelRequest for an id that is not open")
        session.drain(0.05)
        if session.strays:
            raise Fault(
                "a cancelled call was answered twice, or a notification was answered",
                sent="$/cancelRequest after each of some calls",
                got=session.strays[0],
                remedy="answer each request once, and notifications never",
            )
    return f"{len(questions)} calls"


def bad_input(kit: Kit) -> str:
    """It survives what is no message, no method and no parameters, says so, and goes on."""
    tried = 0
    with kit.ready() as session:
        for line in _no_messages():
            session.say(line)
            tried += 1
        for method in ("no.such.method", "", "initialize2", *sorted(kit.capabilities)):
            for wrong in _wrong_params():
                line = msgspec.json.encode({"jsonrpc": "2.0", "id": tried + 10_000, "method": method})
                session.say(line[:-1] + b',"params":' + wrong + b"}")
                tried += 1
            # One by one: a plugin may have only so many calls open at a time.
            _soon(session, "ping", {}, f"survive bad parameters of {method!r}: answer -32602, or -32601")
        session.strays.clear()  # its answers to all that; that there are some is for the vectors to try
        _soon(
            session, "ping", {}, "survive a line that is not JSON: answer -32700 with id null, or ignore it"
        )
        session.strays.clear()
        for sample, method, params in kit.questions()[:3]:
            kit.ask(session, sample, method, params, "after bad input, answer good input as before")
    return f"{tried} bad messages"


def memory(kit: Kit) -> str:
    """Its memory is bounded over many calls."""
    questions = kit.questions()
    if not questions:
        raise SkipError("it can be asked nothing of what it handles")
    calls = [(method, params) for _, method, params in questions]
    until = time.monotonic() + kit.seconds
    with kit.ready() as session:
        teach(kit, session)
        if session.channel.held_bytes() is None:
            raise SkipError("the memory of a process cannot be seen on this machine")
        made = 0
        for _ in range(LOOKS):
            begun, held = made, list[int]()
            for step in range(STEPS):
                share = max(kit.calls // STEPS, 1)
                made += _many(session, list(islice(cycle(calls), made, made + share)), until)
                held.append(session.channel.held_bytes() or 0)
                if time.monotonic() > until and step >= STEPS // 2:
                    break
            warm = held[max(int(len(held) * WARM_UP) - 1, 0)]
            grown = held[-1] - warm
            half = held[len(held) // 2]
            # What is cached once stops growing; what leaks grows in both halves.
            leaks = grown > GROWTH_BYTES and min(held[-1] - half, half - warm) > GROWTH_BYTES / 3
            if not leaks or time.monotonic() > until:
                break
        if leaks:
            asked = made - begun
            raise Fault(
                f"it holds {grown / MIB:.1f} MiB more after {asked} calls than after the first {asked * WARM_UP:.0f} "
                f"(about {grown / max(asked * (1 - WARM_UP), 1):.0f} bytes a call)",
                sent=f"{made} calls, {IN_FLIGHT} at a time",
                got=" ".join(f"{each / MIB:.0f}" for each in held) + " MiB",
                remedy="find what each call leaves behind: a list that is appended to, a cache without a bound "
                "(functools.lru_cache(maxsize=...)), a global",
            )
    short = "" if made >= kit.calls else f" (all there was time for in {kit.seconds:g} s)"
    return f"{made:,} calls{short}, {grown / MIB:+.1f} MiB, {held[-1] / MIB:.0f} MiB in all"


def _many(session: Session, calls: list[tuple[str, Any]], until: float) -> int:
    """Makes the calls, a few open at a time; how many."""
    open_: deque[tuple[int, str]] = deque()
    made = 0
    for method, params in calls:
        open_.append((session.post(method, params), method))
        made += 1
        if len(open_) >= IN_FLIGHT:
            _answered(session, *open_.popleft())
        if time.monotonic() > until:
            break
    for each in open_:
        _answered(session, *each)
    return made


def _answered(session: Session, request_id: int, method: str) -> None:
    try:
        answer = session.answer(request_id, IN_FLIGHT * session.patience_s(method))
    except SilentError as error:
        raise silent(error, "answer every call; see its log for why it stopped") from error
    if answer.error is not None:
        raise Fault(
            f"one of many calls failed: {answer.error.get('message')}",
            sent=answer.sent,
            got=answer.raw,
            remedy="what was answered once must be answered again",
        )


def limits(kit: Kit) -> str:
    """It keeps within what its manifest asks for: memory, threads, time."""
    limit = kit.who.limits
    began = time.monotonic()
    slowest, slow = 0.0, ""
    with kit.ready() as session:
        started_s = time.monotonic() - began
        trained = time.monotonic()
        teach(kit, session)
        trained_s = time.monotonic() - trained
        for sample, method, params in kit.questions():
            took_s = kit.ask(session, sample, method, params).took_s
            if took_s > slowest:
                slowest, slow = took_s, f"{method} ({sample.what})"
        pid = session.channel.pid()
        held, threads = session.channel.held_bytes(), thread_count(pid)
        # What the memory cap counts is the private part; shared libraries are below a tenth of a gibibyte.
        if held is not None and held > limit.memory_bytes:
            raise Fault(
                f"it holds {held / MIB:.0f} MiB; limits.memory is {limit.memory_bytes / MIB:.0f} MiB",
                remedy="raise limits.memory in plugin.toml, or hold less",
            )
    for what, took_s, bound_s, key in (
        ("it starts in", started_s, limit.start_timeout_s, "start_timeout"),
        ("it learns in", trained_s, limit.train_timeout_s, "train_timeout"),
        (f"its slowest call, {slow}, takes", slowest, limit.call_timeout_s, "call_timeout"),
    ):
        if took_s > bound_s:
            raise Fault(
                f"{what} {took_s:.2f} s; limits.{key} is {bound_s:g} s",
                remedy=f"raise limits.{key} in plugin.toml, or do less",
            )
        if took_s > bound_s / 2:
            raise Fault(
                f"{what} {took_s:.2f} s, more than half of limits.{key} ({bound_s:g} s)",
                remedy=f"a busy machine will make it late: raise limits.{key}, or do less",
                warning=True,
            )
    memory_said = "" if held is None else f"{held / MIB:.0f} of {limit.memory_bytes / MIB:.0f} MiB, "
    threads_said = "" if threads is None else f"{threads} threads, "
    return (
        f"{memory_said}{threads_said}slowest call {slowest * 1000:.1f} ms of {limit.call_timeout_s * 1000:g}"
    )


def stdout(kit: Kit) -> str:
    """Nothing but messages has come from its stdout, in all checks so far."""
    if kit.junk:
        raise Fault(
            f"{len(kit.junk)} lines on its stdout are no messages",
            got=b" | ".join(kit.junk[:_MOST_QUOTED]),
            remedy="stdout is for messages alone: print to stderr, and send what libraries print there too",
        )
    return "messages only"


def _soon(session: Session, method: str, params: Any, remedy: str, **more: Any) -> Answer:
    try:
        return session.ask(method, params, timeout_s=_PATIENCE_S, **more)
    except SilentError as error:
        raise silent(error, remedy) from error


def _no_messages() -> list[bytes]:
    deep = b"[" * 10_000 + b"]" * 10_000
    return [
        b"this is not JSON",
        b"{",
        b'"a text"',
        b"17",
        b"null",
        b"[]",
        b"{}",
        b'{"jsonrpc":"2.0"}',
        b'{"jsonrpc":"1.0","id":1,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":{"a":1},"method":"ping"}',
        b'{"jsonrpc":"2.0","id":null,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":5,"method":17}',
        b'{"jsonrpc":"2.0","method":"no.such.notification","params":{"a":[1,2,3]}}',
        b'{"jsonrpc":"2.0","method":"$/cancelRequest"}',
        b'{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":[1]}}',
        b'{"jsonrpc":"2.0","id":4711,"result":{}}',
        b'{"jsonrpc":"2.0","id":4712,"error":{"code":-1,"message":"x"}}',
        b"\xff\xfe\x00 not UTF-8",
        b'{"jsonrpc":"2.0","id":9001,"method":"ping","params":' + deep + b"}",
        b'{"jsonrpc":"2.0","id":9002,"method":"ping","params":{"x":1e400}}',
        b'{"jsonrpc":"2.0","id":9003,"method":"ping","params":{"x":"\\ud800"}}',
        b'{"jsonrpc":"2.0","id":9004,"method":"ping","params":{"x":' + b"9" * 5000 + b"}}",
        b" " * 100_000,
    ]


def _wrong_params() -> list[bytes]:
    deep = b'{"input":' * 200 + b"1" + b"}" * 200
    return [
        b"[]",
        b"17",
        b"{}",
        b'{"input":null,"type":null,"data":null,"task":null,"candidates":null,"points":null}',
        b'{"input":[],"type":17,"data":[],"task":[],"candidates":{},"points":{}}',
        b'{"input":{"workload_size":"big"},"type":"no-such-type","data":{},"task":{},"candidates":[],"points":[{}]}',
        b'{"input":{"workload_size":-1e308},"type":"scheduling","data":{"jobs":[]},"task":{"kind":"queue"},'
        b'"candidates":[],"points":[]}',
        deep,
    ]
