"""What a process holds."""

from __future__ import annotations

import os
import subprocess
import sys

from host.supervisor.memory import resident_bytes


def test_a_living_process_holds_something_and_a_dead_one_nothing_that_is_known():
    held = resident_bytes(os.getpid())
    assert held is not None
    assert held > 1_000_000
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert resident_bytes(gone.pid) is None
