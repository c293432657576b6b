"""Abstains from every question for a while, then hangs, eats memory or dies, by which of its lives it is in.

The protocol by hand: one JSON-RPC message a line on stdin and stdout; stderr is the log. The `epoch` that the
host sends with `initialize` counts the lives of a plugin from 1.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any

CHUNK_BYTES = 8 << 20
HANG_S = 3600.0


def hang() -> None:
    """Answers nothing any more."""
    time.sleep(HANG_S)


def eat_memory() -> None:
    """Takes memory, and writes to it so that it is truly held, until there is no more."""
    eaten = []
    while True:
        eaten.append(bytearray(b"\xff") * CHUNK_BYTES)


def die() -> None:
    """As a crash in a native library looks from outside."""
    os.kill(os.getpid(), signal.SIGSEGV)


MISDEEDS = (hang, eat_memory, die)


def main() -> None:
    """Answers until the host has nothing more to say, or until it is time to misbehave."""
    misdeed, good_calls, asked = hang, 0, 0
    for line in sys.stdin:
        message = json.loads(line)
        method, ident = message.get("method"), message.get("id")
        if ident is None:
            continue  # a notification
        if method == "initialize":
            params = message["params"]
            misdeed = MISDEEDS[(params["epoch"] - 1) % len(MISDEEDS)]
            good_calls = int(params["config"]["good_calls"])
            answer(ident, {"protocol": 1, "plugin": params["plugin"], "capabilities": {"optimize": {}}})
        elif method == "optimize":
            asked += 1
            if asked > good_calls:
                print(f"after {good_calls} good calls: {misdeed.__name__}", file=sys.stderr, flush=True)
                misdeed()
            answer(ident, {"abstained": True, "reason": "it knows nothing of this"})
        else:
            answer(ident, {})
            if method == "shutdown":
                return


def answer(ident: int | str, result: dict[str, Any]) -> None:
    """One message on stdout."""
    print(json.dumps({"jsonrpc": "2.0", "id": ident, "result": result}), flush=True)


if __name__ == "__main__":
    main()
