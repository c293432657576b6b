"""Drives the conversations of docs/reference/protocol/vectors.json, each with a fresh process."""

from __future__ import annotations

import functools
import time
from pathlib import Path
from typing import Any

import msgspec

from plugin_sdk.testing.channel import Channel, EndedError
from plugin_sdk.testing.conformance.kit import Kit
from plugin_sdk.testing.conformance.patterns import fits
from plugin_sdk.testing.conformance.report import Fault, SkipError

VECTORS = Path(__file__).with_name("vectors.json")  # a copy of the page's, so that an installation has it
_UNASKED = ("log", "$/progress")
_SLOW_S = 30.0


@functools.cache
def vectors() -> list[dict[str, Any]]:
    """All of them."""
    found: list[dict[str, Any]] = msgspec.json.decode(VECTORS.read_bytes())
    return found


def try_vector(kit: Kit, name: str) -> str:
    """One conversation.

    Raises:
        Fault: An answer fits nothing, a pattern has no answer, or it ended otherwise.
        SkipError: It does not concern this plugin.
    """
    vector = next(each for each in vectors() if each["name"] == name)
    missing = [each for each in vector.get("needs", ()) if each not in kit.capabilities]
    if missing:
        raise SkipError(f"it has no {', '.join(missing)}")
    if "handles" in vector and vector["handles"] not in kit.handles:
        raise SkipError(f"it does not handle {vector['handles']}")
    channel = kit.channel()
    try:
        return _hold(channel, vector, kit.who.limits.start_timeout_s + _SLOW_S)
    finally:
        channel.kill()


def _hold(channel: Channel, vector: dict[str, Any], within_s: float) -> str:
    sent = [each.encode() if isinstance(each, str) else msgspec.json.encode(each) for each in vector["send"]]
    try:
        for line in sent:
            channel.send(line + b"\n")
        channel.close_input()
    except EndedError:
        pass  # what it said until then is what counts
    answers, junk = _heard(channel, within_s)
    wrong = _misfits(vector, answers)
    if junk:
        wrong.append((f"{len(junk)} lines that are no messages", junk[0]))
    if not wrong and "exit" in vector:
        ended = channel.wait_exit(within_s)
        if ended != f"exit {vector['exit']}":
            what = "it still runs" if ended is None else f"it ended with {ended}"
            wrong.append((f"{what} after the last line and end of file, not with exit {vector['exit']}", b""))
    if wrong:
        what, got = wrong[0]
        raise Fault(
            f"{vector['about']} But: {what}",
            sent=b" ; ".join(sent),
            got=got or b" ; ".join(msgspec.json.encode(each) for each in answers),
            remedy=f"see the vector {vector['name']!r} in docs/reference/protocol/vectors.json and the page above it",
        )
    return ""


def _heard(channel: Channel, within_s: float) -> tuple[list[Any], list[bytes]]:
    answers, junk = [], []
    until = time.monotonic() + within_s
    while (left := until - time.monotonic()) > 0:
        try:
            line = channel.receive(left)
        except EndedError:
            break
        if line is None:
            break
        try:
            message = msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError):
            junk.append(line)
            continue
        if not (isinstance(message, dict) and message.get("method") in _UNASKED):
            answers.append(message)
    return answers, junk


def _misfits(vector: dict[str, Any], answers: list[Any]) -> list[tuple[str, bytes]]:
    wrong = []
    left = list(answers)
    for expected in vector["expect"]:
        found = next((each for each in left if fits(expected["message"], each)), None)
        if found is not None:
            left.remove(found)
        elif not expected.get("optional"):
            wrong.append((f"no answer fits {msgspec.json.encode(expected['message']).decode()}", b""))
    wrong += [("nothing was asked that this answers", msgspec.json.encode(each)) for each in left]
    return wrong
