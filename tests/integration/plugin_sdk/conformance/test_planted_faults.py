"""Each check finds a planted fault, and finds none where there is none."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from plugin_sdk.contract.manifest import Limits
from plugin_sdk.testing.conformance import CHECKS, Kit, Outcome
from plugin_sdk.testing.conformance.table import VECTOR, run_check
from plugin_sdk.testing.process import ProcessChannel
from plugin_sdk.testing.session import Identity

PEER = Path(__file__).parents[3] / "faulty_plugins" / "authors_peer" / "plugin.py"
BY_NAME = {check.name: check for check in CHECKS}

# check, fault, and words that its message must have. What warns has a "~" before it.
FAULTS = [
    ("start", "silent-start", "no answer within"),
    ("start", "dies-at-start", "there is no library of that name"),
    ("start", "refuses-to-start", "config.level is missing"),
    ("handshake", "protocol-2", "protocol 2"),
    ("handshake", "unknown-capability", "dance"),
    ("handshake", "no-capability", "can be asked nothing"),
    ("handshake", "negative-min-points", "minPoints"),
    ("handshake", "wider-handles", "cooking"),
    ("handshake", "no-plugin", "wrong shape"),
    ("capability:predict", "predicts-a-text", "prediction is a text"),
    ("capability:predict", "too-sure", "confidence is 2.0"),
    ("capability:predict", "quantiles-cross", "cross"),
    ("~capability:predict", "always-abstains", "abstains from every question"),
    ("capability:score", "a-score-too-few", "1 scores for 2 candidates"),
    ("capability:score", "scores-are-texts", "scores[0] is '0.0'"),
    ("capability:optimize", "result-left-out", "result is missing"),
    ("capability:optimize", "result-without-nodes", "result.nodes"),
    ("capability:train", "trains-without-word", "trained is missing"),
    ("capability:train", "fails-to-train", "KeyError: 'user'"),
    ("~capability:train", "never-trains", "it would rather not"),
    ("capability:learn", "accepts-a-text", "accepted is a text"),
    ("capability:learn", "accepts-too-many", "accepted 21 of 20"),
    ("capability:describe", "describes-a-list", "the result is a list"),
    ("cold-start", "fails-cold", "no attribute 'mean'"),
    ("determinism", "differs-each-time", "differs between two processes"),
    ("capability:candidate", "a-prediction-too-few", "candidate is no list of"),
    ("capability:candidate", "adopts-with-a-word", "adopt does not say"),
    ("~state", "remembers-old-trainings", "second training"),
    ("state", "forgets-what-it-saved", "after a restart with what was saved"),
    ("~state", "refuses-what-it-saved", "it is too old"),
    ("state", "saves-no-base64", "no base64"),
    ("state", "dies-of-a-strange-state", "refused"),
    ("~abstain", "fails-instead-of-no", "an empty input makes predict fail"),
    ("abstain", "half-abstains", "abstains and answers"),
    ("abstain", "no-for-an-answer", "the result is missing or null"),
    ("concurrency", "answers-twice", "or twice"),
    ("concurrency", "drops-every-seventh", "no answer within"),
    ("deadline", "hangs-when-late", "no answer within"),
    ("cancel", "never-answers-cancelled", "no answer within"),
    ("cancel", "answers-notifications", "a notification was answered"),
    ("bad-input", "dies-of-bad-lines", "ended"),
    ("bad-input", "dies-of-bad-params", "ended"),
    ("memory", "leaks", "MiB more after"),
    ("memory", "dies-after-many", "SIGABRT"),
    ("limits", "too-large", "limits.memory is 48 MiB"),
    ("~limits", "slow", "more than half of limits.call_timeout"),
    ("limits", "too-slow", "limits.call_timeout is 0.6 s"),
    ("shutdown", "exits-with-1", "exit 1"),
    ("shutdown", "stays-after-shutdown", "still runs"),
    ("shutdown", "stays-at-the-end", "goes on running"),
    ("vector:version-refused", "takes-any-version", "no answer fits"),
    ("vector:version-range", "highest-version", "no answer fits"),
    ("vector:unknown-members", "refuses-unknown-members", "no answer fits"),
    ("vector:text-ids", "text-ids-become-numbers", "no answer fits"),
    ("vector:before-initialize", "answers-before-initialize", "no answer fits"),
    ("vector:unknown-notification", "answers-notifications", "nothing was asked"),
    ("vector:handshake", "exits-with-1", "exit 1"),
    ("vector:score-nodes", "a-score-too-few", "no answer fits"),
    ("vector:not-json", "dies-of-bad-lines", "no answer fits"),
]
TIMES = Limits(memory_bytes=48 * 2**20, start_timeout_s=20.0, call_timeout_s=0.6, train_timeout_s=5.0)


HANGS = {
    "hangs-when-late",
    "never-answers-cancelled",
    "drops-every-seventh",
    "stays-after-shutdown",
    "stays-at-the-end",
}


@pytest.fixture
def kit_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Kit]:
    """A kit on the peer with that fault."""

    def make(fault: str) -> Kit:
        if fault in HANGS:  # it is waited for in vain, so not for long
            monkeypatch.setattr("plugin_sdk.testing.session.SLOW_MACHINE", 0.2)
            monkeypatch.setattr("plugin_sdk.testing.session.GRACE_S", 0.2)
            monkeypatch.setattr("plugin_sdk.testing.conformance.pressure._PATIENCE_S", 1.0)
            monkeypatch.setattr("plugin_sdk.testing.conformance.lives._EXIT_S", 1.0)
        command = [sys.executable, "-S", "-E", str(PEER), fault]
        (tmp_path / "plugin.toml").write_text(
            '[plugin]\nname = "peer"\nversion = "1.0.0"\n'
            f'handles = ["resource", "scheduling", "ml-driven"]\ncommand = {command}\n'
        )
        limits = TIMES
        if fault == "silent-start":
            limits = Limits(start_timeout_s=1.0)
        who = Identity("peer", "1.0.0", ("resource", "scheduling", "ml-driven"), {}, limits)
        return Kit(who, lambda: ProcessChannel(tmp_path), calls=3000, seconds=30.0)

    return make


def told(kit: Kit, name: str) -> Outcome:
    return run_check(BY_NAME[name], kit)


@pytest.mark.parametrize(("name", "fault", "says"), FAULTS, ids=lambda each: str(each).replace(" ", "-"))
def test_the_check_finds_the_fault(kit_of: Callable[[str], Kit], name: str, fault: str, says: str) -> None:
    kit = kit_of(fault)
    outcome = told(kit, name.lstrip("~"))
    assert outcome.status == ("warned" if name.startswith("~") else "failed"), outcome
    assert says in f"{outcome.note} {outcome.got}"
    assert outcome.remedy


def test_a_line_that_is_no_message_is_found_at_the_end(kit_of: Callable[[str], Kit]) -> None:
    kit = kit_of("prints")
    assert told(kit, "cold-start").status == "passed"
    outcome = told(kit, "stdout")
    assert (outcome.status, outcome.got) == ("failed", "predicting... | predicting... | predicting...")


def test_a_peer_without_a_fault_passes_every_check(kit_of: Callable[[str], Kit]) -> None:
    kit = kit_of("none")
    outcomes = [run_check(check, kit) for check in CHECKS if not check.name.startswith(VECTOR)]
    assert {each.status for each in outcomes} == {"passed"}, [
        each for each in outcomes if each.status != "passed"
    ]


def test_every_check_has_a_planted_fault() -> None:
    tried = {name.lstrip("~") for name, _, _ in FAULTS} | {"stdout"}
    untried = {check.name for check in CHECKS if not check.name.startswith(VECTOR)} - tried
    assert untried == set()
