"""Ctrl-C while CP-SAT searches, and after it has: the solver must not take the signal from Python."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("ortools", reason="ORTOOLS IS MISSING: pip install 'engine-ops[solve]'")

PROGRAM = """
import os, random, signal, threading
from host.solvers.jobshop.cp_sat import solve
from host.solvers.jobshop.shop import Operation, Shop

chance = random.Random(1)

def shop(size):
    jobs = tuple(tuple(Operation(machine, chance.randint(1, 99)) for machine in chance.sample(range(size), size)) for _ in range(size))
    return Shop("made-up", jobs, size)

solve(shop(3), 5.0)
try:
    os.kill(os.getpid(), signal.SIGINT)
    threading.Event().wait(5)
except KeyboardInterrupt:
    print("heard after", flush=True)
# The small one is CP-SAT's alone; a large one is begun by tabu search where numba is installed.
for size in (12, 15):
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        solve(shop(size), 600.0)
    except KeyboardInterrupt:
        print("heard within", flush=True)
"""


def test_ctrl_c_is_heard_while_a_shop_is_solved_and_afterwards() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=180, check=True
    )
    assert done.stdout.split("\n")[:3] == ["heard after", "heard within", "heard within"], done.stderr
