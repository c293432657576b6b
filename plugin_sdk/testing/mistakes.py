"""The classic mistakes of plugins in Python, found in process, where the author's code can be watched."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

from plugin_sdk.testing.conformance.kit import Kit
from plugin_sdk.testing.conformance.lives import teach
from plugin_sdk.testing.conformance.report import Fault, SkipError
from plugin_sdk.testing.conformance.table import Check
from plugin_sdk.testing.in_process import InProcessChannel
from plugin_sdk.testing.session import Session

SLEEP_S = 0.02  # a sleep that is worth a word
CONSTRUCTOR_S = 1.0
_TRAINING = frozenset({"fit", "fit_transform", "partial_fit", "train", "train_model"})


def _printing(kit: Kit) -> str:
    with kit.ready() as session:
        teach(kit, session)
        for sample, method, params in kit.questions():
            kit.ask(session, sample, method, params)
        channel = session.channel
    assert isinstance(channel, InProcessChannel)
    if channel.printed:
        raise Fault(
            "it prints",
            got=channel.printed,
            remedy="what is printed goes to the plugin's log, never into the protocol; use the logging module, whose "
            "lines say their level",
            warning=True,
        )
    return "nothing printed"


def _blocking(kit: Kit) -> str:
    with kit.ready() as session:
        teach(kit, session)
        for sample, method, params in kit.questions():
            with _watched() as waits:
                answer = kit.ask(session, sample, method, params)
            if waits:
                raise Fault(
                    f"{method} ({sample.what}) waits: {waits[0]}",
                    sent=answer.sent,
                    remedy="a plugin answers its calls one after the other: while one waits, all do. Do it in train, or "
                    "in a thread of your own that keeps the latest ready",
                )
            if answer.took_s > kit.who.limits.call_timeout_s:
                raise Fault(
                    f"{method} ({sample.what}) took {answer.took_s:.2f} s; limits.call_timeout is "
                    f"{kit.who.limits.call_timeout_s:g} s",
                    sent=answer.sent,
                    remedy="ask CallContext.should_stop in the loop, and answer with what there is",
                )
    return "no call waits"


@contextlib.contextmanager
def _watched() -> Iterator[list[str]]:
    """Notes what only waits: sleeping, and reading from the keyboard."""
    waits: list[str] = []
    sleep, stdin = time.sleep, sys.stdin

    def noted(seconds: Any, /) -> None:
        if seconds >= SLEEP_S:
            waits.append(f"time.sleep({seconds:g})")
        sleep(seconds)

    class NoKeyboard:
        def __getattr__(self, name: str) -> Any:
            waits.append("it reads from stdin, which is the protocol's")
            raise OSError("a plugin has no stdin of its own")

    time.sleep = noted
    sys.stdin = NoKeyboard()
    try:
        yield waits
    finally:
        time.sleep = sleep
        sys.stdin = stdin


def _global_state(kit: Kit) -> str:
    if not {"train", "learn"} & kit.capabilities.keys():
        raise SkipError("it learns nothing")
    with kit.ready() as before:
        cold = _answers(kit, before)
        with kit.ready() as other:
            teach(kit, other)
        with kit.ready() as fresh:
            after = _answers(kit, fresh)
        if _target(before) is _target(fresh):
            raise SkipError("its entry is an instance: there is only one")
    for (what, sent), one in cold.items():
        if after[(what, sent)] != one:
            raise Fault(
                f"{what}: a new object knows what another one was taught",
                sent=sent,
                got=f"{one!r}, then {after[(what, sent)]!r}",
                remedy="keep what is learned in attributes of self, not in the class, the module or default arguments: the "
                "SDK trains a copy beside the object that serves",
            )
    return "objects do not share what they learn"


def _target(session: Session) -> Any:
    assert isinstance(session.channel, InProcessChannel)
    return session.channel.target


def _answers(kit: Kit, session: Session) -> dict[tuple[str, str], Any]:
    told = {}
    for sample, method, params in kit.questions():
        result = kit.ask(session, sample, method, params).result
        result.pop("metadata", None)
        told[(f"{method} ({sample.what})", str(params))] = result
    return told


def _constructor(kit: Kit) -> str:
    trained: list[str] = []

    def note(frame: FrameType, event: str, _arg: Any) -> None:
        if event == "call" and frame.f_code.co_name in _TRAINING:
            trained.append(f"{frame.f_code.co_name} ({frame.f_code.co_filename}:{frame.f_lineno})")

    session = kit.session()
    began = time.monotonic()
    profiler = sys.getprofile()
    sys.setprofile(note)
    try:
        session.initialize()
    finally:
        sys.setprofile(profiler)
    took_s = time.monotonic() - began
    if trained:
        raise Fault(
            f"it trains while it is made: {trained[0]} is called",
            remedy="train in train(data), which is called with the history in a thread of its own; until then abstain",
        )
    if took_s > CONSTRUCTOR_S:
        raise Fault(
            f"it takes {took_s:.1f} s to be made",
            remedy="load and compute in train(), or ship what is needed as a file beside plugin.py; the host waits for "
            "start_timeout only",
            warning=True,
        )
    return f"{took_s * 1000:.0f} ms"


MISTAKES: tuple[Check, ...] = (
    Check("mistake:global-state", "What one object learns no other knows.", _global_state),
    Check("mistake:printing", "It prints nothing.", _printing),
    Check("mistake:blocking", "No call only waits.", _blocking),
    Check("mistake:constructor", "It does not train while it is made.", _constructor),
)
"""Unseeded randomness and wrong shapes are found by the checks `determinism` and `capability:...`."""
