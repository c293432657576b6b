"""Everything that can go wrong and was thought of: how it is brought about, and what is promised all the same.

Each row has its test and each test its row: a test says `@pytest.mark.fault("id")`, and the rows with a `peer` are all
tried at once by test_misbehaving.py, on a plugin of that mode in tests/faulty_plugins/peer.py. The attacks on the sandbox
have a table of their own, tests/faults/attacks.
"""

from __future__ import annotations

from typing import NamedTuple

ENDED = "its process is ended, the cause is on record, it is started again, and set aside if it keeps on"
TOLD = "the answer is not believed, the reason is in candidates, and it is counted"
DROPPED = "it is dropped and counted, and the answer after it is taken"
WIRE = "docs/reference/protocol.md"
LIFE = "docs/explanation/lifecycle.md"
KEPT = "docs/how-to/run-a-host.md"
HTTP = "docs/reference/http.md"
HELD = "docs/explanation/security-model.md"
NOT_TAKEN = "it is refused with the reason at both doors, and everybody else is answered"
LEARNING = "docs/explanation/learning.md"


class Fault(NamedTuple):
    """One row.

    Attributes:
        fault: What goes wrong.
        injection: How the test brings it about.
        promise: What holds all the same, beside: the host answers every request, and other plugins are asked.
        source: Where the promise is made.
        peer: The mode of tests/faulty_plugins/peer.py that does it.
    """

    id: str
    fault: str
    injection: str
    promise: str
    source: str
    peer: str = ""


def _peer(mode: str, fault: str, promise: str, source: str = WIRE) -> Fault:
    return Fault(f"peer-{mode}", fault, f"tests/faulty_plugins/peer.py {mode}", promise, source, mode)


FAULTS = (
    # A plugin at its start.
    _peer("exit-at-spawn", "it exits before it says a word", ENDED, LIFE),
    _peer("hang-at-spawn", "it never reads", "its start times out; " + ENDED, LIFE),
    _peer("flood-at-spawn", "it writes without end before the handshake", ENDED),
    _peer("exit-in-handshake", "it exits when it is greeted", ENDED, LIFE),
    _peer("hang-in-handshake", "it does not answer the greeting", "its start times out; " + ENDED, LIFE),
    _peer("refuse-handshake", "it cannot be loaded", "it is quarantined at once, with its own reason", LIFE),
    _peer("wrong-version", "it speaks another version", "it is quarantined at once, with both versions"),
    _peer("unknown-capability", "it offers a method that there is not", "it is quarantined at once, with the name"),
    _peer("rubbish-handshake", "its answer to the greeting is none", ENDED),
    # A plugin that is asked.
    _peer("good", "none: the control", "it is asked and its answers are taken"),
    _peer("exit-in-call", "it exits", "its caller knows at once; " + ENDED, LIFE),
    _peer("crash-in-call", "it crashes", "its caller knows at once, and the signal is named; " + ENDED, LIFE),
    _peer("hang-in-call", "it does not answer", "the caller has its deadline, then cancel, grace, kill; " + ENDED, LIFE),
    _peer("stopped-in-call", "SIGSTOP in a call", "as one that hangs", LIFE),
    _peer("drips", "its answer comes byte by byte", "as one that hangs", LIFE),
    _peer("half-a-frame-and-gone", "it exits in the middle of a message", ENDED),
    _peer("half-a-frame-and-silent", "it stops in the middle of a message", "as one that hangs"),
    _peer("answers-late", "its answer comes after the deadline", "it is dropped and counted; the process lives"),
    _peer("answers-twice", "it answers a call twice", "the first is taken, the second dropped and counted"),
    _peer("answers-to-nobody", "it answers calls that nobody made", DROPPED),
    _peer("not-json", "a line that is no JSON", DROPPED),
    _peer("not-utf8", "a line that is no UTF-8", DROPPED),
    _peer("not-a-number", "NaN in an answer", DROPPED),
    _peer("number-without-end", "1e400 in an answer", TOLD),
    _peer("lone-surrogate", "half a character in an answer", DROPPED),
    _peer("keys-twice", "a key twice in an answer", TOLD),
    _peer("too-deep", "50,000 levels in an answer", DROPPED),
    _peer("too-large", "an answer over the frame limit", ENDED),
    _peer("result-and-error", "a result and an error in one answer", DROPPED),
    _peer("answers-in-a-batch", "an answer in a batch", DROPPED),
    _peer("wrong-type", "a number where an answer belongs", TOLD),
    _peer("infeasible", "an answer that breaks the request's constraints", TOLD, "docs/explanation/the-promise.md"),
    _peer("raises", "an error to every call", "its circuit opens, and it is not asked for a while", LIFE),
    _peer("abstains", "no, to every call", "no failure: it abstained", WIRE),
    # A plugin that floods.
    _peer("floods-junk", "lines that are no messages, without end", ENDED, LIFE),
    _peer("floods-empty-lines", "empty lines without end", ENDED, LIFE),
    _peer("floods-notifications", "notifications without end", ENDED, LIFE),
    _peer("floods-answers", "answers to nobody without end", ENDED, LIFE),
    _peer("floods-requests", "requests to the host without end", ENDED, LIFE),
    _peer("floods-bytes", "large messages without end", ENDED, LIFE),
    _peer("floods-its-log", "its log without end", ENDED, LIFE),
    # A plugin and its pipes, signals and processes.
    _peer("closes-its-output", "it closes stdout and lives on", ENDED, LIFE),
    _peer("closes-its-input", "it closes stdin and lives on", ENDED, LIFE),
    _peer("leaves-a-grandchild", "it ends, and a child of it keeps the pipes", "its end is known at once; " + ENDED, LIFE),
    _peer("stopped-when-idle", "SIGSTOP when nobody asks", "it is found out and ended before it is asked, or as one that hangs", LIFE),
    _peer("ignores-every-word-to-end", "it ignores shutdown and SIGTERM", "it is killed after the grace times", LIFE),
    # The wire as such.
    Fault("wire-any-bytes", "any bytes at all", "hypothesis, into the connection", "events of the documented kinds, or FrameTooLargeError; nothing else", WIRE),
    Fault("wire-any-cuts", "messages cut at any byte", "hypothesis", "the same events as whole", WIRE),
    Fault("wire-long-strays", "answers of megabytes to nobody", "a scripted peer", "each counts by its length, so a few are a flood", "docs/reference/configuration.md"),
    Fault("wire-circuit", "a method fails again and again", "a scripted peer", "it is not asked; one probe tries it out", LIFE),
    Fault("wire-cancelled-probe", "the probe's caller goes away", "a scripted peer", "the circuit goes back to open", LIFE),
    Fault("wire-caller-gone", "a caller goes away", "its task is cancelled", "the plugin is told; the late answer is dropped", WIRE),
    Fault("wire-deadline-past", "a deadline of 0 or in the past", "a call with one", "it is late at once, and nothing is sent", WIRE),
    Fault("wire-unread", "a plugin does not read its requests", "a scripted peer that does not", "calls are refused once the bound is reached", "docs/reference/configuration.md"),
    Fault("wire-too-many", "more calls than it may have", "a scripted peer that waits", "a bounded queue, then a clear refusal", "docs/reference/configuration.md"),
    # The life of a plugin.
    Fault("life-any-events", "any sequence of events", "hypothesis, into the lifecycle", "a state of the table, or IllegalTransitionError", LIFE),
    Fault("life-dies-idle", "a process is killed from outside", "SIGKILL", "it cannot be asked from that instant; it is started again", LIFE),
    Fault("life-import", "it exits, crashes or hangs while it is imported", "a module that does", ENDED, LIFE),
    Fault("life-train", "it exits, crashes or hangs while it is trained", "a train() that does", "whoever asked for it is told; " + ENDED, LIFE),
    Fault("life-leave", "it exits, crashes or hangs while it is let go", "a shutdown() that does", "it is gone after the grace times", LIFE),
    Fault("life-all-die", "all plugins die at once", "a launcher whose programs exit together", "at most so many are started at a time, spread by full jitter", LIFE),
    Fault("life-keeps-dying", "it dies at each start", "os._exit in its constructor", "quarantined after the intensity, with its story", LIFE),
    Fault("life-orders", "orders at any moment, mixed with kills", "seeded storms", "it ends as the last order says, and nobody waits for ever", LIFE),
    Fault("life-stop-from-anywhere", "it is to end in any state", "each state in turn", "its task ends and nothing is left", LIFE),
    Fault("life-out-of-descriptors", "the host has no descriptors left", "RLIMIT_NOFILE at what is open", "notStarted, tried again; it comes up when there are some", LIFE),
    # Folders.
    Fault("folder-changed-under-load", "a folder changes while it is asked", "an edit, under calls", "no call is lost", LIFE),
    Fault("folder-does-not-come-up", "a new version does not come up", "a script that exits", "the old one serves, degraded, with the reason", LIFE),
    Fault("folder-old-one-dies", "the old version dies while the new one does not come up", "SIGKILL", "the new one has the name as it stands", LIFE),
    Fault("folder-removed", "a folder is removed", "a rename away, rmtree", "it is stopped, and may come back", LIFE),
    Fault("folder-renamed", "a folder gets another name", "rename", "the same plugin, no call lost", LIFE),
    Fault("folder-half-copied", "a folder is half-copied", "files one by one", "not started before it is whole", LIFE),
    Fault("folder-twin", "two folders of one plugin name", "copytree", "the first has it; the other when that is gone", LIFE),
    Fault("folder-refused-later", "the manifest of one that serves breaks", "an edit", "it serves on, degraded, with the reason", LIFE),
    Fault("folder-linked", "links, dangling and to themselves", "symlink", "refused, not followed", LIFE),
    Fault("folder-name", "names that can be mistaken", "look-alikes, right-to-left, options, shell words", "refused, and shown harmlessly", LIFE),
    Fault("folder-modes", "files that others may write, setuid, that nobody may read", "chmod", "refused, with the remedy", LIFE),
    Fault("folder-special", "FIFOs and devices", "mkfifo", "refused, and nothing is held up", LIFE),
    Fault("folder-huge-manifest", "a manifest of 64 MiB", "truncate", "refused, unread", LIFE),
    Fault("folder-hostile-manifest", "a manifest made to break its reader", "digits, depth, NUL", "refused; the others are started", LIFE),
    Fault("folder-restless", "a folder that is written all the time", "a write at each look", "the others are taken", LIFE),
    Fault("folder-clock", "the clock is set back", "a clock that the test moves", "stillness is judged by looks", LIFE),
    # A plugin that takes what it can get. (The attacks on the sandbox are more: tests/faults/attacks.)
    Fault("bomb-memory", "it fills memory: heap, maps, memfd, shared, scratch, page tables, sockets", "bombs of 512 MiB against a cap of 128", "it is ended at its cap, and memory is named as the cause for certain", HELD),
    Fault("bomb-memory-no-group", "the same where no group of the kernel's can be made", "the same bombs", "it is refused or ended within a quarter over its cap", HELD),
    Fault("bomb-children", "its children fill memory together", "a bomb that forks first", "they count together, and all are ended", HELD),
    Fault("bomb-forks", "it forks without end", "a fork bomb", "it is held to its tasks, and all are ended", HELD),
    Fault("bomb-threads", "it starts threads without end, where no group of the kernel's can be made", "more threads than it may have", "it is ended, and its threads are named as the cause", HELD),
    Fault("bomb-all", "each attack of the table of attacks: descriptors, timers, files, signals, the network, the kernel", "tests/faults/attacks", "it gets nothing, and nothing outside of the sandbox changes", HELD),
    # A caller.
    Fault("caller-deadline", "a deadline of 0, negative, NaN, 1e400, 1e300, next to nothing, or no number", "a request", "what is none is refused by name; what is beyond reason is answered all the same", HTTP),
    Fault("caller-deep", "a request that nests 65, 10,000, 100,000 deep", "a request", NOT_TAKEN, HTTP),
    Fault("caller-keys-twice", "a key twice in one object", "a request", NOT_TAKEN, HTTP),
    Fault("caller-number", "1e400, NaN, 5,000 digits", "a request", NOT_TAKEN, HTTP),
    Fault("caller-surrogate", "half a character", "a request", NOT_TAKEN, HTTP),
    Fault("caller-not-utf8", "bytes that are no UTF-8", "a request", NOT_TAKEN, HTTP),
    Fault("caller-batch", "a batch of 10,000", "a body", "one refusal, unread; a batch of the most that is allowed is answered", HTTP),
    Fault("caller-any-bytes", "any bytes at all", "mangled requests, thousands of them", "an answer, a refusal, or the end of the connection; never a 5xx", HTTP),
    Fault("caller-hurtful", "bodies made to hurt: long names, ids, members; zeros; quotes", "bodies of megabytes", "refused quickly, and not sent back", HTTP),
    Fault("caller-large", "a body over the limit, with and without its length", "a body", "413, unread", HTTP),
    Fault("caller-slow-body", "bodies that do not come", "fifty connections that say half a request", "408 after the time for a body; everybody else is answered", HTTP),
    Fault("caller-drips", "callers that send byte by byte", "150 connections", "nobody is shut out, and memory stays", HTTP),
    Fault("caller-gone", "callers that go away: before, within and after their request", "closed connections", "the work for them ends, and nothing is left behind", HTTP),
    Fault("caller-stranger", "no token, or one that is none, where tokens are wanted", "each door", "401 before the body is read, and nothing more is said", HTTP),
    Fault("caller-guesses", "an address that tries tokens", "many wrong ones", "it is slowed down; others are not", HTTP),
    Fault("caller-other-site", "a page of another site, or another host's name", "Origin and Host headers", "403, and nothing has happened", HTTP),
    Fault("caller-unread", "a subscriber that does not read its events", "a connection that is not read", "it loses events; memory stays", HTTP),
    Fault("caller-connections", "more connections than there may be", "connections over the cap", "those over it are closed, those below go on", HTTP),
    Fault("caller-flood", "a flood of calls over HTTP", "many connections at once", "each is answered or refused, and memory stays", HTTP),
    Fault("caller-ten-times", "ten times the load", "120 requests at once for four places", "an answer of the built-in at least, or a clear refusal, within the deadline", "docs/explanation/the-promise.md"),
    # The host.
    Fault("host-sigterm", "SIGTERM", "to a host with plugins", "an orderly end in reverse order, exit code 0", LIFE),
    Fault("host-second-signal", "a second signal", "while a plugin does not end", "the host and its plugins end at once", LIFE),
    Fault("host-killed", "kill -9 of the host", "SIGKILL", "no process is left; settings and history are there for the next one", LIFE),
    Fault("host-torn-settings", "a settings file half-written", "a file aside", "the old words hold", LIFE),
    Fault("host-disk-full", "the settings cannot be written", "a folder that is not there", "said, and not taken for kept", LIFE),
    # The history.
    Fault("history-killed", "kill -9 of the host in the middle of a write load", "SIGKILL at random points", "what was acknowledged is there", KEPT),
    Fault("history-power", "the machine loses its power", "files as of their last sync", "what was acknowledged is there", KEPT),
    Fault("history-sync-fails", "a sync fails", "EIO for one fdatasync", "the file is set aside, and what was acknowledged is there", KEPT),
    Fault("history-disk-full", "the disk is full", "a small tmpfs", "optimizing goes on; recording again when there is room", KEPT),
    Fault("history-read-only", "the disk takes no writes", "a read-only tmpfs", "optimizing goes on, and health says why nothing is recorded", KEPT),
    Fault("history-torn", "the file is torn", "truncation", "it is set aside, and what is whole in it is kept", KEPT),
    Fault("history-damaged", "bytes of the file are others", "writes at random places", "no wrong point is given", KEPT),
    Fault("history-foreign", "the file is somebody else's", "text, another database, a newer version", "it is set aside whole", KEPT),
    # What plugins have learned.
    Fault("model-worse", "a new model is worse than the old one", "poisoned outcomes", "it is not taken into use, and both figures are told", LEARNING),
    Fault("state-bad", "a saved state is torn or poisoned", "truncation, other bytes", "the plugin starts without it and says so", LEARNING),
    Fault("state-deadly", "a saved state kills the plugin", "os._exit in load_state", "it is not handed to it again", LEARNING),
    Fault("two-hosts", "two hosts on one plugins directory, and on one data folder", "two and three processes", "they do not meet; the second on one data folder is refused", LIFE),
)  # fmt: skip
