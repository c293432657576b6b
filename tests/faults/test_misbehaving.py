"""Every way a plugin can misbehave, all of them at once under one host that goes on answering.

Source: the six invariants of a fault: the host lives, every caller has a valid answer by its deadline, others are
unaffected, and afterwards nothing is left.
"""

from __future__ import annotations

import pytest

from host.supervisor import incarnation
from tests.faults.table import FAULTS
from tests.faults.zoo import run
from tests.faulty_plugins.peer import MODES

PEERS = [each for each in FAULTS if each.peer]
HANGS = "it hangs"

# By mode: what is to be seen of a peer, among all that was seen of it.
SEEN = {
    "exit-at-spawn": lambda it: it.ended("exit", "code 3"),
    "hang-at-spawn": lambda it: it.ended("timeout", "did not come up"),
    "flood-at-spawn": lambda it: it.ended("protocol"),
    "exit-in-handshake": lambda it: it.ended("exit", "code 3"),
    "hang-in-handshake": lambda it: it.ended("timeout", "did not come up"),
    "refuse-handshake": lambda it: it.state("quarantined", "no model here"),
    "wrong-version": lambda it: it.state("quarantined", "it chose protocol 9; this host speaks 1 to 1"),
    "unknown-capability": lambda it: it.state("quarantined", "reboot"),
    "rubbish-handshake": lambda it: it.ended("protocol", "is no answer"),
    "good": lambda it: it.statuses.count("answered") >= 3,
    "exit-in-call": lambda it: it.ended("exit", "code 7") and "failed" in it.statuses,
    "crash-in-call": lambda it: it.ended("signal", "SIGSEGV") and "failed" in it.statuses,
    "hang-in-call": lambda it: it.ended("timeout", HANGS) and "late" in it.statuses,
    "stopped-in-call": lambda it: it.ended("timeout", HANGS) and "late" in it.statuses,
    "drips": lambda it: it.ended("timeout", HANGS) and "late" in it.statuses,
    "half-a-frame-and-gone": lambda it: it.ended("exit") and "failed" in it.statuses,
    "half-a-frame-and-silent": lambda it: it.ended("timeout", HANGS) and "late" in it.statuses,
    "answers-late": lambda it: it.counted("late_answers") and it.views[-1].restarts == 0,
    "answers-twice": lambda it: it.counted("stray") and "answered" in it.statuses,
    "answers-to-nobody": lambda it: it.counted("stray", 2) and "answered" in it.statuses,
    "not-json": lambda it: it.counted("junk") and "answered" in it.statuses,
    "not-utf8": lambda it: it.counted("junk") and "answered" in it.statuses,
    "not-a-number": lambda it: it.counted("junk") and "answered" in it.statuses,
    "number-without-end": lambda it: "invalid" in it.statuses,
    "lone-surrogate": lambda it: it.counted("junk") and "answered" in it.statuses,
    "keys-twice": lambda it: "invalid" in it.statuses,
    "too-deep": lambda it: it.counted("junk") and "answered" in it.statuses,
    "too-large": lambda it: it.ended("protocol", "a frame has at most"),
    "result-and-error": lambda it: it.counted("junk") and "answered" in it.statuses,
    "answers-in-a-batch": lambda it: it.counted("junk") and "answered" in it.statuses,
    "wrong-type": lambda it: "invalid" in it.statuses,
    "infeasible": lambda it: "invalid" in it.statuses,
    "raises": lambda it: (
        it.state("degraded", "optimize is not asked") and "its circuit is open" in it.reasons[-1]
    ),
    "abstains": lambda it: it.statuses.count("abstained") >= 3 and it.views[-1].failures == 0,
    "floods-junk": lambda it: it.ended("protocol"),
    "floods-empty-lines": lambda it: it.ended("protocol", "messages that nobody asked for"),
    "floods-notifications": lambda it: it.ended("protocol", "messages that nobody asked for"),
    "floods-answers": lambda it: it.ended("protocol", "messages that nobody asked for"),
    "floods-requests": lambda it: it.ended("protocol", "messages that nobody asked for"),
    "floods-bytes": lambda it: it.ended("protocol", "within a second"),
    "floods-its-log": lambda it: it.ended("protocol", "bytes to its log within a second"),
    "closes-its-output": lambda it: it.ended("stopped", "closed its output but did not end"),
    "closes-its-input": lambda it: it.ended("stopped", "closed its input but did not end"),
    "leaves-a-grandchild": lambda it: it.ended("exit", "code 5") and "failed" in it.statuses,
    "stopped-when-idle": lambda it: it.ended("timeout", HANGS),
    "ignores-every-word-to-end": lambda it: it.statuses.count("answered") >= 3,
}


@pytest.fixture(scope="module")
def observed(tmp_path_factory):
    """The zoo, once for all rows."""

    def all_seen(peers):
        return all(mode in peers and peers[mode].views and SEEN[mode](peers[mode]) for mode in SEEN)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(incarnation, "PIPES_GRACE_S", 0.2)
        yield run(SEEN, all_seen, tmp_path_factory.mktemp("zoo"))


def test_each_row_with_a_peer_has_its_mode_and_what_is_to_be_seen_of_it():
    assert sorted(SEEN) == sorted(each.peer for each in PEERS)
    assert sorted(SEEN) == sorted(MODES)


@pytest.mark.parametrize("row", PEERS, ids=lambda row: row.peer)
def test_what_is_promised_of_it_is_seen(observed, row):
    it = observed.peers[row.peer]
    last = it.views[-1]
    assert SEEN[row.peer](it), (
        row.promise,
        it.statuses,
        it.reasons[-3:],
        last.state_why,
        last.last_exit,
        last.story,
    )


def test_every_request_is_answered_as_well_as_by_the_built_in(observed):
    assert len(observed.answers) >= 5
    for answer in observed.answers:
        assert answer.success
        assert answer.objective == [0, 2], "four items of one, on nodes of two"
        (own,) = [each for each in answer.candidates if each.by == "builtin:first-fit-decreasing"]
        assert own.status == "answered"


def test_nothing_of_it_is_left(observed):
    assert observed.left_processes == []
    assert observed.left_descriptors <= 0
    assert observed.left_scratch == []
