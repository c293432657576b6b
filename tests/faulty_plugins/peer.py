"""One plugin without the SDK that misbehaves in the way its argument names. `python peer.py MODE`.

Standard library alone, so that it is up at once and nothing stands between it and the wire. It packs each item into a
node of its own, which is a valid answer and the worst there is; a mode changes one thing about that.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time

MODES = {}
UP = {
    "protocol": 1,
    "plugin": {"name": "peer", "version": "1.0.0"},
    "capabilities": {"optimize": {}},
}


def mode(function):
    """Registers a way to answer `optimize`; its name with hyphens is the mode."""
    MODES[function.__name__.replace("_", "-")] = function
    return function


def write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


def say(**message) -> None:
    write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")


def messages():
    """What the host says, message by message."""
    rest = b""
    while data := os.read(0, 65536):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield json.loads(line)


def packed(message) -> dict:
    items = message["params"]["data"]["items"]
    return {"result": {"nodes": [{"id": f"n{at}", "items": [each["id"]]} for at, each in enumerate(items)]}}


def answer(message) -> None:
    say(id=message["id"], result=packed(message))


def forever() -> None:
    while True:
        time.sleep(1000)


# at its start


@mode
def exit_at_spawn(_):
    """See `main`: before it reads."""


@mode
def hang_at_spawn(_):
    """See `main`."""


@mode
def flood_at_spawn(_):
    """See `main`."""


@mode
def exit_in_handshake(_):
    """See `main`."""


@mode
def hang_in_handshake(_):
    """See `main`."""


@mode
def refuse_handshake(_):
    """See `main`."""


@mode
def wrong_version(_):
    """See `main`."""


@mode
def unknown_capability(_):
    """See `main`."""


@mode
def rubbish_handshake(_):
    """See `main`."""


def hello(which: str, message) -> None:
    """Answers `initialize`, or does not."""
    if which == "exit-in-handshake":
        os._exit(3)
    elif which == "hang-in-handshake":
        forever()
    elif which == "refuse-handshake":
        say(id=message["id"], error={"code": -32016, "message": "no model here"})
    elif which == "wrong-version":
        say(id=message["id"], result={**UP, "protocol": 9})
    elif which == "unknown-capability":
        say(id=message["id"], result={**UP, "capabilities": {"reboot": {}}})
    elif which == "rubbish-handshake":
        say(id=message["id"], result=5)
    else:
        say(id=message["id"], result=UP)


# when it is asked


@mode
def good(message):
    answer(message)


@mode
def exit_in_call(_):
    os._exit(7)


@mode
def crash_in_call(_):
    os.kill(os.getpid(), signal.SIGSEGV)


@mode
def hang_in_call(_):
    forever()


@mode
def stopped_in_call(_):
    os.kill(os.getpid(), signal.SIGSTOP)


@mode
def drips(message):
    for byte in json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": packed(message)}).encode():
        write(bytes([byte]))
        time.sleep(0.05)


@mode
def half_a_frame_and_gone(message):
    write(b'{"jsonrpc":"2.0","id":%d,"res' % message["id"])
    os._exit(0)


@mode
def half_a_frame_and_silent(message):
    write(b'{"jsonrpc":"2.0","id":%d,"res' % message["id"])
    forever()


@mode
def answers_late(message):
    MODES["late"] = message  # see `main`: answered when it is cancelled


@mode
def answers_twice(message):
    answer(message)
    answer(message)


@mode
def answers_to_nobody(message):
    say(id=999_999, result=packed(message))
    say(id=str(message["id"]), result=packed(message))
    answer(message)


@mode
def not_json(message):
    write(b"Hello from a print\n")
    answer(message)


@mode
def not_utf8(message):
    write(b'{"jsonrpc":"2.0","id":%d,"result":{"result":"\xff"}}\n' % message["id"])
    answer(message)


@mode
def not_a_number(message):
    write(b'{"jsonrpc":"2.0","id":%d,"result":{"result":NaN}}\n' % message["id"])
    answer(message)


@mode
def number_without_end(message):
    write(b'{"jsonrpc":"2.0","id":%d,"result":{"result":{"nodes":[],"cost":1e400}}}\n' % message["id"])


@mode
def lone_surrogate(message):
    write(
        b'{"jsonrpc":"2.0","id":%d,"result":{"result":{"nodes":[{"id":"\\ud800","items":[]}]}}}\n'
        % message["id"]
    )
    answer(message)


@mode
def keys_twice(message):
    write(b'{"jsonrpc":"2.0","id":%d,"result":{"result":{}},"result":{"result":7}}\n' % message["id"])


@mode
def too_deep(message):
    write(b'{"jsonrpc":"2.0","id":%d,"result":%b%b}\n' % (message["id"], b"[" * 50_000, b"]" * 50_000))
    answer(message)


@mode
def too_large(message):
    write(b'{"jsonrpc":"2.0","id":%d,"result":"' % message["id"])
    write(b"x" * 10_000_000)


@mode
def result_and_error(message):
    say(id=message["id"], result=packed(message), error={"code": 1, "message": "both"})
    answer(message)


@mode
def answers_in_a_batch(message):
    write(json.dumps([{"jsonrpc": "2.0", "id": message["id"], "result": packed(message)}]).encode() + b"\n")
    answer(message)


@mode
def wrong_type(message):
    say(id=message["id"], result=5)


@mode
def infeasible(message):
    items = [each["id"] for each in message["params"]["data"]["items"]]
    say(id=message["id"], result={"result": {"nodes": [{"id": "n", "items": items}], "unplacedItems": []}})


@mode
def raises(message):
    say(id=message["id"], error={"code": -32016, "message": "the model is broken"})


@mode
def abstains(message):
    say(id=message["id"], result={"abstained": True, "reason": "not my kind"})


# floods


def flood(data: bytes) -> None:
    while True:
        write(data)


@mode
def floods_junk(_):
    flood(b"junk\n" * 10_000)


@mode
def floods_empty_lines(_):
    flood(b"\n" * 65_536)


@mode
def floods_notifications(_):
    flood(b'{"jsonrpc":"2.0","method":"log","params":{"message":"x"}}\n' * 1000)


@mode
def floods_answers(_):
    flood(b'{"jsonrpc":"2.0","id":77777,"result":1}\n' * 1000)


@mode
def floods_requests(_):
    flood(b'{"jsonrpc":"2.0","id":1,"method":"host.secrets"}\n' * 1000)


@mode
def floods_bytes(_):
    flood(b'{"jsonrpc":"2.0","method":"newer","params":"%b"}\n' % (b"x" * 60_000))


@mode
def floods_its_log(_):
    while True:
        os.write(2, b"x" * 1000 + b"\n" * 60_000)


# pipes, signals and processes


@mode
def closes_its_output(_):
    os.close(1)
    forever()


@mode
def closes_its_input(message):
    os.close(0)
    answer(message)
    forever()


@mode
def leaves_a_grandchild(_):
    if os.fork() == 0:
        forever()  # it holds the pipes
    os._exit(5)


@mode
def stopped_when_idle(message):
    answer(message)
    os.kill(os.getpid(), signal.SIGSTOP)


@mode
def ignores_every_word_to_end(message):
    answer(message)


def main(which: str) -> None:
    if which == "exit-at-spawn":
        os._exit(3)
    elif which == "hang-at-spawn":
        forever()
    elif which == "flood-at-spawn":
        flood(b"junk\n" * 10_000)
    elif which == "ignores-every-word-to-end":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for message in messages():
        method = message.get("method")
        if method == "initialize":
            hello(which, message)
        elif method == "optimize":
            MODES[which](message)
        elif method == "$/cancelRequest" and "late" in MODES:
            answer(MODES.pop("late"))
        elif method == "shutdown" and which == "ignores-every-word-to-end":
            forever()
        elif "id" in message:
            say(id=message["id"], result={})
            if method == "shutdown":
                os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
