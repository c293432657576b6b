from __future__ import annotations

import os
import threading

from plugin_sdk.runner.outbox import Outbox


def test_lines_put_up_together_leave_in_one_write_and_in_order() -> None:
    reading, writing = os.pipe()
    out = Outbox(writing)
    out.add(b"one\n")
    out.add(b"two\n")
    assert len(out) == 2
    out.flush()
    assert os.read(reading, 100) == b"one\ntwo\n"
    assert len(out) == 0
    os.close(reading)
    os.close(writing)


def test_more_than_a_pipe_holds_is_written_whole_by_many_threads() -> None:
    reading, writing = os.pipe()
    out = Outbox(writing)
    lines = {b"%03d" % n + b"x" * 50_000 + b"\n" for n in range(40)}

    def write(line: bytes) -> None:
        out.add(line)
        out.flush()

    threads = [threading.Thread(target=write, args=(line,), daemon=True) for line in lines]
    for thread in threads:
        thread.start()
    with os.fdopen(reading, "rb") as pipe:
        assert {pipe.readline() for _ in lines} == lines
    for thread in threads:
        thread.join(5)
    os.close(writing)
