"""Processor time of a process and its children."""

from __future__ import annotations

import os
import subprocess
import sys

from host.supervisor.processor import cpu_seconds

BUSY = "import time\nuntil = time.process_time() + 0.3\nwhile time.process_time() < until: pass\n"


def test_the_time_of_a_process_and_of_its_child_is_counted_together() -> None:
    child = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BUSY!r}])\n{BUSY}print(flush=True)\ninput()"
    process = subprocess.Popen([sys.executable, "-c", child], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        taken = cpu_seconds(process.pid)
        assert taken is not None
        assert taken >= 0.55
    finally:
        process.kill()
        process.communicate()


def test_of_a_process_that_is_gone_there_is_none() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    assert cpu_seconds(process.pid) is None
    assert cpu_seconds(os.getpid()) is not None
