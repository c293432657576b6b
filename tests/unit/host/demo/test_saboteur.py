"""The saboteur, as a process: good for a while, then a different misdeed in each life."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from pathlib import Path

import host.demo.folder

PLUGIN = Path(host.demo.folder.__file__).parent / "saboteur" / "plugin.py"
GOOD_CALLS = 2


def lines(epoch: int, calls: int) -> str:
    plugin = {"name": "demo-saboteur", "version": "0.0.1"}
    first = {"epoch": epoch, "config": {"good_calls": GOOD_CALLS}, "plugin": plugin}
    messages = [{"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": first}]
    messages += [{"jsonrpc": "2.0", "id": number, "method": "optimize"} for number in range(1, calls + 1)]
    return "".join(json.dumps(message) + "\n" for message in messages)


def capped() -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (128 << 20, 128 << 20))


def lived(epoch: int, calls: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(PLUGIN)]
    return subprocess.run(
        command,
        input=lines(epoch, calls),
        capture_output=True,
        text=True,
        timeout=20,
        preexec_fn=capped,
        check=False,
    )


def test_it_abstains_while_it_is_good():
    done = lived(1, GOOD_CALLS)
    answers = [json.loads(line)["result"] for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert len(answers) == 1 + GOOD_CALLS
    assert all(answer["abstained"] for answer in answers[1:])


def test_in_its_first_life_it_hangs():
    command = [sys.executable, "-I", str(PLUGIN)]
    with subprocess.Popen(command, stdin=-1, stdout=-1, stderr=-1, text=True) as process:
        assert process.stdin and process.stderr
        process.stdin.write(lines(1, GOOD_CALLS + 1))
        process.stdin.flush()
        assert "hang" in process.stderr.readline()
        try:
            process.wait(0.3)
        except subprocess.TimeoutExpired:
            hung = True
        else:
            hung = False
        process.kill()
    assert hung


def test_in_its_second_life_it_eats_memory_until_there_is_no_more():
    done = lived(2, GOOD_CALLS + 1)
    assert done.returncode == 1
    assert "MemoryError" in done.stderr


def test_in_its_third_life_it_dies_of_a_signal():
    assert lived(3, GOOD_CALLS + 1).returncode == -signal.SIGSEGV
