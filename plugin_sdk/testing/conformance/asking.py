"""Checks of what it can be asked: each capability's answers, several at once, and its ways of saying no."""

from __future__ import annotations

from typing import Any

from plugin_sdk.contract.errors import ErrorCode
from plugin_sdk.testing.conformance.kit import ASKED, Kit, silent
from plugin_sdk.testing.conformance.lives import teach
from plugin_sdk.testing.conformance.report import Fault, SkipError
from plugin_sdk.testing.conformance.samples import Sample
from plugin_sdk.testing.conformance.shapes import wrong_with
from plugin_sdk.testing.session import IN_FLIGHT, Answer, SilentError

_UNKNOWN: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "predict": [
        ("an empty input", {"input": {}}),
        ("an input of other things", {"input": {"colour": "blue", "n": None}}),
    ],
    "score": [
        (
            "a task of a kind that is not known",
            {"type": "scheduling", "task": {"kind": "of-tomorrow"}, "candidates": [{"id": "a"}, {"id": "b"}]},
        )
    ],
    "optimize": [("a problem that is not known", {"type": "scheduling", "data": {"of": "tomorrow"}})],
}


def asked(kit: Kit, method: str) -> str:
    """What one method answers, trained, to every question there is for it."""
    questions = kit.questions(method)
    if not questions:
        raise SkipError(f"{method} is not asked for {', '.join(kit.handles)}")
    answered = 0
    with kit.ready() as session:
        teach(kit, session)
        for sample, name, params in questions:
            answered += not kit.ask(session, sample, name, params).abstained
    if not answered:
        raise Fault(
            f"{method} abstains from every question, also after training on {len(kit.training()['points'])} points",
            remedy="that is allowed, but nobody will ever hear its answers; is it what was meant? The questions are in "
            "plugin_sdk/testing/conformance/samples.py",
            warning=True,
        )
    return f"{answered} of {len(questions)} answered, the rest abstained"


def train(kit: Kit) -> str:
    """It learns from a history, and says how much; from an empty one it learns nothing, and says so."""
    with kit.ready() as session:
        params = kit.training()
        answer = _valid(kit, session.ask("train", params), "train")
        empty = _valid(kit, session.ask("train", {"points": []}), "train")
        if not answer.result["trained"]:
            raise Fault(
                f"it did not train on {len(params['points'])} points: {answer.result.get('reason')}",
                sent=answer.sent,
                got=answer.raw,
                remedy="if it needs other points than those of plugin_sdk/testing/conformance/samples.py all is well; "
                "else lower minPoints or mend train",
                warning=True,
            )
    said = "" if empty.result["trained"] else "; not on an empty one"
    return f"{answer.result.get('size', '?')} points in {answer.took_s * 1000:.0f} ms{said}"


def candidate(kit: Kit) -> str:
    """What is learned as a candidate answers only when it is adopted; `backtest` asks both."""
    if not kit.capabilities["train"].candidate:
        raise SkipError("it keeps no candidates")
    inputs = [params["input"] for _, method, params in kit.questions("predict") if method == "predict"]
    with kit.ready() as session:
        session.ask("train", {**kit.training(), "candidate": True})
        answer = session.ask("backtest", {"inputs": inputs})
        said = answer.result if isinstance(answer.result, dict) else {}
        for name in ("serving", "candidate"):
            entries = said.get(name)
            if not isinstance(entries, list) or len(entries) != len(inputs):
                raise Fault(
                    f"backtest: {name} is no list of {len(inputs)} predictions",
                    sent=answer.sent,
                    got=answer.raw,
                    remedy="give one entry an input, in their order, null where there is none",
                )
        for accept in (True, False):
            answer = session.ask("adopt", {"accept": accept})
            adopted = answer.result.get("adopted") if isinstance(answer.result, dict) else None
            if not isinstance(adopted, bool) or (adopted and not accept):
                raise Fault(
                    "adopt does not say whether the candidate answers now",
                    sent=answer.sent,
                    got=answer.raw,
                    remedy='answer {"adopted": true} when it does, else {"adopted": false}',
                )
    return f"{len(inputs)} inputs asked of both"


def learn(kit: Kit) -> str:
    """It takes outcomes as they come, and counts them."""
    with kit.ready() as session:
        points = kit.training()["points"][:20]
        told: list[dict[str, Any]] = [
            {"points": points, "reset": True},
            {"points": points[:1]},
            {"points": []},
        ]
        for params in told:
            answer = _valid(kit, session.ask("learn", params), "learn")
            if answer.result["accepted"] > len(params["points"]):
                raise Fault(
                    f"it accepted {answer.result['accepted']} of {len(params['points'])} points",
                    sent=answer.sent,
                    got=answer.raw,
                    remedy="give how many points of this call were taken",
                )
    return "accepted"


def describe(kit: Kit) -> str:
    """It says what it is."""
    with kit.ready() as session:
        answer = _valid(kit, session.ask("describe", {}), "describe")
    return f"{len(answer.result)} members"


def concurrency(kit: Kit) -> str:
    """Several calls at once are each answered once, by their ids; `ping` is answered among them."""
    questions = kit.questions()
    if not questions:
        raise SkipError("it can be asked nothing of what it handles")
    rounds = (questions * IN_FLIGHT)[: 3 * IN_FLIGHT]
    with kit.ready() as session:
        for begin in range(0, len(rounds), IN_FLIGHT):
            batch = rounds[begin : begin + IN_FLIGHT]
            ids = [session.post(method, params) for _, method, params in batch]
            ping = session.post("ping")
            try:
                for (sample, method, _), request_id in zip(batch, ids, strict=True):
                    patience = session.patience_s(method) + IN_FLIGHT * kit.who.limits.call_timeout_s
                    kit.checked(session.answer(request_id, patience), sample, method)
                session.answer(ping, session.patience_s("ping"))
            except SilentError as error:
                raise silent(error, f"answer each of {IN_FLIGHT} open calls, in any order") from error
        session.drain(0.05)
        if session.strays:
            raise Fault(
                "it answered what nobody had asked, or twice",
                sent=f"{len(rounds)} calls, {IN_FLIGHT} at a time",
                got=session.strays[0],
                remedy="answer each id once, exactly as it was sent",
            )
    return f"{len(rounds)} calls, {IN_FLIGHT} at a time"


def abstain(kit: Kit) -> str:
    """From what it cannot know it abstains in due form; it does not fail."""
    abstained = answered = 0
    with kit.ready() as session:
        for method in ASKED:
            if method not in kit.capabilities:
                continue
            for what, params in _UNKNOWN[method]:
                try:
                    answer = session.ask(method, params)
                except SilentError as error:
                    raise silent(error, f"answer {what} too: abstain") from error
                if answer.error is not None:
                    if answer.code == ErrorCode.INVALID_PARAMS:
                        abstained += 1  # "not this, and not ever" is a way of saying no
                        continue
                    raise Fault(
                        f"{what} makes {method} fail: {answer.error.get('message')}",
                        sent=answer.sent,
                        got=answer.raw,
                        remedy='"no" is an answer, not an error: look before you index, and return '
                        'Abstained(reason=...) / {"abstained": true, "reason": "..."}',
                        warning=True,
                    )
                wrong = wrong_with(method, answer.result)
                if wrong is not None:
                    raise Fault(
                        f"{method}, asked {what}: {wrong}",
                        sent=answer.sent,
                        got=answer.raw,
                        remedy='abstain with {"abstained": true, "reason": "..."} and nothing else',
                    )
                abstained += answer.abstained
                answered += not answer.abstained
    return f"{abstained} abstained, {answered} answered"


def _valid(kit: Kit, answer: Answer, method: str) -> Answer:
    return kit.checked(answer, Sample("", "", {}), method)
