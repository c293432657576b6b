"""The watchdog, on real processes; bombs are in tests/integration/sandbox/test_memory_bombs.py."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from host.process.watchdog import Watchdog, private_bytes

MIB = 2**20


@pytest.fixture
def child():
    code = (
        "import sys\n"
        "for line in sys.stdin:\n"
        "    held = bytearray(b'x') * (int(line) << 20)\n"
        "    print(len(held), flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        yield process
        process.kill()


def hold(child, mib):
    child.stdin.write(f"{mib}\n")
    child.stdin.flush()


def wait_for(condition):
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        os.sched_yield()


def watchdog_threads():
    return [thread for thread in threading.enumerate() if thread.name == "watchdog"]


def test_a_process_over_its_cap_is_killed_and_the_watch_knows_that_it_was_the_cause(child):
    watch = Watchdog().watch(child.pid, 64 * MIB)
    hold(child, 400)
    assert child.wait(10) == -9
    assert watch.killed_at_bytes is not None
    assert 64 * MIB < watch.killed_at_bytes < 150 * MIB
    assert watch.peak_bytes == watch.killed_at_bytes
    watch.close()


def test_a_process_below_its_cap_lives_and_its_peak_is_known(child):
    watch = Watchdog().watch(child.pid, 64 * MIB)
    hold(child, 32)
    assert child.stdout.readline() == f"{32 * MIB}\n"
    wait_for(lambda: watch.peak_bytes >= 32 * MIB)
    assert child.poll() is None
    assert watch.killed_at_bytes is None
    watch.close()


def test_a_process_that_ended_by_itself_was_not_killed_by_the_watchdog(child):
    watch = Watchdog().watch(child.pid, 64 * MIB)
    child.kill()
    assert child.wait(10) == -9
    watch.close()
    assert watch.killed_at_bytes is None


@pytest.mark.fault("bomb-threads")
def test_a_process_with_more_threads_than_it_may_have_is_killed_for_them():
    code = "import threading\ngate = threading.Event()\nfor _ in range(20): threading.Thread(target=gate.wait).start()"
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", code]) as child:
        watch = Watchdog().watch(child.pid, 2**40, tasks=12)
        assert child.wait(20) == -9
        assert watch.killed_at_tasks is not None
        assert 12 < watch.killed_at_tasks <= 21
        assert watch.killed_at_bytes is None
        watch.close()


def test_a_process_over_its_share_stands_still_and_goes_on_and_is_let_go_running():
    code = "while True: pass"
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", code]) as child:
        watch = Watchdog().watch(child.pid, 2**40, cpu_cores=0.05)

        def state():
            return Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0]

        wait_for(lambda: state() == "T")
        wait_for(lambda: state() == "R")
        wait_for(lambda: state() == "T")
        watch.close()
        assert state() != "T"
        child.kill()


def test_the_thread_runs_while_somebody_is_watched_and_no_longer(child):
    before = set(watchdog_threads())
    watchdog = Watchdog()
    assert set(watchdog_threads()) == before
    first, second = watchdog.watch(child.pid, 64 * MIB), watchdog.watch(child.pid, 64 * MIB)
    (thread,) = set(watchdog_threads()) - before
    first.close()
    assert thread.is_alive()
    second.close()
    thread.join(10)
    assert not thread.is_alive()
    third = watchdog.watch(child.pid, 64 * MIB)
    hold(child, 400)
    assert child.wait(10) == -9
    third.close()


def test_no_descriptor_is_left_open(child):
    def open_files():
        return len(os.listdir("/proc/self/fd"))

    before = open_files()
    watchdog = Watchdog()
    watch = watchdog.watch(child.pid, 64 * MIB)
    assert open_files() == before + 4
    watch.close()
    watch.close()
    assert open_files() == before
    child.kill()
    child.wait(10)
    with pytest.raises(OSError):
        watchdog.watch(child.pid, 64 * MIB)
    assert open_files() == before


def test_pages_of_files_do_not_count_and_page_tables_and_swap_do():
    status = (
        b"Name:\tx\nRssAnon:\t 10 kB\nRssFile:\t 900 kB\nRssShmem:\t 20 kB\nVmPTE:\t 3 kB\nVmSwap:\t 4 kB\n"
    )
    assert private_bytes(status) == 37 * 1024
