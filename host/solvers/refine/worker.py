"""The worker's process: a task a line on stdin, what was found a line on stdout. Ends with its stdin.

The first line it writes says that it is up.

python -m host.solvers.refine.worker
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time

import msgspec

from host.solvers.refine.task import Found, Task


def main() -> None:
    """Serves until stdin ends, which also ends a search: the host that would wait for it is gone."""
    os.nice(10)  # the host is served first
    tasks: queue.Queue[bytes] = queue.Queue()
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints must not land among the answers

    def read() -> None:
        for line in sys.stdin.buffer:
            tasks.put(line)
        os._exit(0)

    threading.Thread(target=read, name="stdin", daemon=True).start()
    from host.solvers.refine.model import solve  # takes a second

    # The first search of a process takes half a second longer than the others: nobody shall wait for that.
    solve(Task([[1]], [[1]], [[]], [(0, 0)], [None], [], [], None, True, [0], time.monotonic() + 5.0))
    answers.write(b"up\n")
    decode = msgspec.json.Decoder(Task).decode
    while True:
        task = decode(tasks.get())
        try:
            found = solve(task)
        except Exception as error:
            print(f"refine: {type(error).__name__}: {error}", file=sys.stderr)
            found = Found([], [], (0, 0), True)
        answers.write(msgspec.json.encode(found) + b"\n")


if __name__ == "__main__":
    main()
