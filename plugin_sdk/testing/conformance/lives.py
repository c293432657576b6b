"""Checks of a process's life: its start, what it says of itself, its end, and what a second one knows."""

from __future__ import annotations

import base64
import time
from typing import Any

import msgspec

from plugin_sdk.contract.messages import HOST_METHODS, InitializeResult
from plugin_sdk.testing.conformance.kit import Kit, read_greeting, silent
from plugin_sdk.testing.conformance.report import Fault, SkipError
from plugin_sdk.testing.conformance.samples import Sample
from plugin_sdk.testing.session import GRACE_S, SLOW_MACHINE, Session, SilentError

_EXIT_S = GRACE_S + SLOW_MACHINE
_CAPABILITIES = frozenset(HOST_METHODS) - {"initialize", "ping", "shutdown"}


def start(kit: Kit) -> str:
    """It starts and answers `initialize` within its start_timeout."""
    limit_s = kit.who.limits.start_timeout_s
    began = time.monotonic()
    with kit.session() as session:
        try:
            answer = session.initialize()
        except SilentError as error:
            raise silent(
                error,
                f"answer initialize within start_timeout ({limit_s:g} s): do slow work in train, or raise it; "
                "a process that has ended says why in its log",
            ) from error
        read_greeting(session, answer)
    return f"{(time.monotonic() - began) * 1000:.0f} ms"


def handshake(kit: Kit) -> str:
    """Version, capabilities and handles are such as a host can use."""
    with kit.session() as session:
        answer = _asked(session, "initialize", msgspec.to_builtins(session.hello()))
        greeting = read_greeting(session, answer)
        for what, remedy in _wrong_with(greeting, kit.who.handles):
            raise Fault(what, sent=answer.sent, got=answer.raw, remedy=remedy)
        _asked(session, "ping", {})
    return f"protocol {greeting.protocol}; {', '.join(sorted(greeting.capabilities))}"


def _wrong_with(greeting: InitializeResult, handles: tuple[str, ...]) -> list[tuple[str, str]]:
    wrong = []
    if greeting.protocol != 1:
        wrong.append(
            (f"it chose protocol {greeting.protocol} out of 1 to 1", "choose a version of the range")
        )
    unknown = sorted(set(greeting.capabilities) - _CAPABILITIES)
    if unknown:
        wrong.append(
            (
                f"it declares capabilities that are no methods: {', '.join(unknown)}",
                f"declare some of {', '.join(sorted(_CAPABILITIES))}",
            )
        )
    if not {"predict", "score", "optimize"} & greeting.capabilities.keys():
        wrong.append(("it can be asked nothing", "declare at least one of predict, score and optimize"))
    if any(each.min_points < 0 for each in greeting.capabilities.values()):
        wrong.append(("it declares a minPoints below 0", "give the fewest points worth training on"))
    wider = sorted(set(greeting.handles or ()) - set(handles))
    if wider:
        wrong.append(
            (
                f"it says that it handles {', '.join(wider)}, which its manifest does not",
                "add them to handles in plugin.toml, or leave them out: the answer can only narrow the manifest",
            )
        )
    return wrong


def cold_start(kit: Kit) -> str:
    """Before it has learned anything it answers, or abstains; it does not fail."""
    remedy = "answer something sensible, or abstain, until the first training"
    said = {"answered": 0, "abstained": 0}
    with kit.ready() as session:
        for sample, method, params in kit.questions():
            answer = kit.ask(session, sample, method, params, remedy)
            said["abstained" if answer.abstained else "answered"] += 1
    if not sum(said.values()):
        raise SkipError("nothing of what it handles can be asked of its methods")
    return ", ".join(f"{count} {what}" for what, count in said.items() if count)


def determinism(kit: Kit) -> str:
    """Two processes with one seed and one history give the same answers."""
    first, second = _told(kit), _told(kit)
    for (sample, method, sent), one in first.items():
        two = second.get((sample, method, sent))
        if one != two:
            raise Fault(
                f"{method} ({sample}) differs between two processes with the same seed and the same history",
                sent=sent,
                got=f"{one!r} and {two!r}",
                remedy="draw random numbers from generators that the seed of initialize seeds: the SDK seeds random and "
                "numpy.random, but not those you make (random.Random(), numpy.random.default_rng(), random_state=None), so "
                "give them a seed; keep what it knows in attributes of self, not in the class or the module; iterate over "
                "no sets of texts; use no clock",
            )
    return f"{len(first)} answers alike"


def state(kit: Kit) -> str:
    """Training replaces what was there; and what it saves makes a new process answer as the old one did."""
    if not {"train", "learn", "save"} & kit.capabilities.keys():
        raise SkipError("it learns nothing")
    once, saved = _taught_and_saved(kit)
    said = [_restored(kit, once, saved)] if saved is not None else []
    twice = _told(kit, trainings=2)
    for key, one in once.items():
        if one != twice.get(key):
            sample, method, sent = key
            raise Fault(
                f"{method} ({sample}) is another after a second training on the same history",
                sent=sent,
                got=f"{one!r}, then {twice.get(key)!r}",
                remedy="train means: learn anew; forget in it what was learned before (the host trains again and again)",
                warning=True,
            )
    return "; ".join([*said, "trained twice on the same history, it answers as after once"])


Told = dict[tuple[str, str, str], Any]


def _taught_and_saved(kit: Kit) -> tuple[Told, dict[str, Any] | None]:
    """What it answers after a training, and what it saves then."""
    with kit.ready() as session:
        teach(kit, session)
        told = _answers(kit, session)
        if "save" not in kit.capabilities:
            return told, None
        answer = _asked(session, "save", {})
    result = answer.result
    if not isinstance(result, dict) or not isinstance(result.get("data", ""), str):
        raise Fault(
            "save was answered with no state",
            sent=answer.sent,
            got=answer.raw,
            remedy='answer {"data": BASE64, "format": ...}, or {"reason": ...}',
        )
    if "data" not in result:
        return told, None
    try:
        base64.b64decode(result["data"], validate=True)
    except ValueError as error:
        raise Fault(
            f"what it saved is no base64: {error}",
            sent=answer.sent,
            got=answer.raw,
            remedy="encode the bytes as RFC 4648 says, with padding",
        ) from error
    return told, {"data": result["data"], "format": result.get("format", ""), "seq": 0, "version": 1}


def _restored(kit: Kit, once: Told, saved: dict[str, Any]) -> str:
    with kit.session() as session:
        answer = session.initialize(saved)
        read_greeting(session, answer)
        became = answer.result.get("state") or {}
        if became.get("restored") is not True:
            raise Fault(
                f"a new process does not take what the old one saved: {became.get('reason', 'it gives no reason')}",
                sent=answer.sent,
                got=answer.raw,
                remedy="restore what save gave; without it every restart begins untrained (in the SDK: save_state and "
                "load_state, or only attributes that can be pickled)",
                warning=True,
            )
        again = _answers(kit, session)
        for key, one in once.items():
            two = again.get(key)
            if one != two:
                raise Fault(
                    f"{key[1]} ({key[0]}) is another after a restart with what was saved",
                    sent=key[2],
                    got=f"{one!r}, then {two!r}",
                    remedy="save everything that answers depend on, or answer state.restored false",
                )
    with kit.session() as session:  # one that is not its own must not keep it from coming up
        strange = {**saved, "data": base64.b64encode(b"not what was saved").decode(), "format": "strange"}
        read_greeting(session, session.initialize(strange))
    return f"saved {len(saved['data']) * 3 // 4:,} bytes and went on from them"


def _told(kit: Kit, trainings: int = 1) -> Told:
    """Its answers after training."""
    with kit.ready() as session:
        for _ in range(trainings):
            teach(kit, session)
        return _answers(kit, session)


def _answers(kit: Kit, session: Session) -> Told:
    """Its answers to every question, without what may differ: metadata."""
    told: Told = {}
    for sample, method, params in kit.questions():
        result = kit.ask(session, sample, method, params).result
        result.pop("metadata", None)
        told[(sample.what, method, msgspec.json.encode(params).decode())] = result
    return told


def teach(kit: Kit, session: Session) -> None:
    """Gives it the history by every way that it has.

    Raises:
        Fault: It does not take it.
    """
    training = kit.training()
    for method in ("learn", "train"):
        if method not in kit.capabilities:
            continue
        params = {**training, "reset": True} if method == "learn" else training
        answer = _asked(session, method, params)
        kit.checked(answer, Sample(f"{len(training['points'])} points", "", {}), method)


def shutdown(kit: Kit) -> str:
    """After `shutdown` it answers and exits with 0; at the end of its input it exits too."""
    with kit.ready() as session:
        answer = _asked(session, "shutdown", {})
        ended = session.channel.wait_exit(_EXIT_S)
        if ended != "exit 0":
            raise Fault(
                f"after shutdown it {'still runs' if ended is None else f'ended with {ended}'}",
                sent=answer.sent,
                got=answer.raw,
                remedy="answer {} and exit with status 0 within 2 s; daemon threads must not hold it",
            )
    with kit.ready() as session:
        session.channel.close_input()
        ended = session.channel.wait_exit(_EXIT_S)
        if ended is None:
            raise Fault(
                "it goes on running at the end of its input",
                sent="(end of file)",
                got="nothing",
                remedy="end of file on stdin means that the host has gone: exit",
            )
    return "exit 0; exits at end of file"


def _asked(session: Session, method: str, params: Any) -> Any:
    try:
        answer = session.ask(method, params)
    except SilentError as error:
        raise silent(error, f"answer {method}; docs/reference/protocol.md says how") from error
    if answer.error is not None and method != "initialize":
        raise Fault(
            f"{method} was answered with an error: {answer.error.get('message')}",
            sent=answer.sent,
            got=answer.raw,
            remedy=f"answer {method} with a result; the log has the traceback",
        )
    return answer
