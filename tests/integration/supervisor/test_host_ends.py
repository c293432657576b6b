"""How a host ends, and what is there when the next one begins. Source: RELIABILITY 11 and 12."""

from __future__ import annotations

import signal
import subprocess
import time

import psutil
import pytest

from .served import command, serving, write


def until(condition, within_s=30.0):
    """Waits on a condition; there is no event loop here."""
    give_up = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < give_up, "it did not come to be"
        time.sleep(0.02)


@pytest.mark.fault("host-sigterm")
def test_sigterm_ends_the_host_in_order_with_its_plugins_the_last_started_first(tmp_path):
    for name in ("a", "b", "c"):
        write(tmp_path / "plugins", name)
    with serving(tmp_path / "plugins", tmp_path / "data") as host:
        until(host.all_ready)
        pids = host.pids().values()
        assert host.end() == 0
    assert (tmp_path / "ended").read_text().split() == ["c", "b", "a"]
    assert not any(map(psutil.pid_exists, pids))
    assert list((tmp_path / "data" / "scratch").iterdir()) == []


@pytest.mark.fault("host-second-signal")
def test_a_second_signal_ends_it_at_once_whatever_the_plugins_do(tmp_path):
    write(tmp_path / "plugins", "stubborn", "trap '' TERM")
    script = tmp_path / "plugins" / "stubborn" / "plugin.sh"
    script.write_text(
        script.read_text().replace('echo "${PWD##*/}" >> ../../ended', "touch ../../ended; sleep 1000")
    )
    with serving(tmp_path / "plugins", tmp_path / "data") as host:
        until(host.all_ready)
        (pid,) = host.pids().values()
        host.process.send_signal(signal.SIGTERM)
        until((tmp_path / "ended").exists)
        assert host.end() == 128 + signal.SIGTERM
        until(lambda: not psutil.pid_exists(pid))


@pytest.mark.fault("host-killed")
def test_a_host_that_is_killed_leaves_no_process_and_the_next_one_begins_clean(tmp_path):
    for name in ("a", "b"):
        write(tmp_path / "plugins", name)
    with serving(tmp_path / "plugins", tmp_path / "data") as host:
        until(host.all_ready)
        host.rpc("plugins.disable", name="b")
        host.rpc("plugins.configure", name="a", priority=7)
        points = [
            {"timestamp": 1, "requestType": "resource", "resourceUsage": {}, "duration": 1.0, "success": True}
        ]
        assert host.rpc("workload.record", points=points) == {"recorded": 1}
        pid = host.pids()["a"]
        assert host.end(signal.SIGKILL) == -signal.SIGKILL
        until(lambda: not psutil.pid_exists(pid))
    assert list((tmp_path / "data" / "scratch").iterdir()) != []
    with serving(tmp_path / "plugins", tmp_path / "data") as host:
        until(lambda: host.plugins()["a"]["state"] == "ready")
        seen = host.plugins()
        assert seen["b"]["state"] == "stopped"
        assert seen["a"]["config"]["priority"] == 7
        assert host.rpc("workload.stats")["totalRequests"] == 1
        assert len(list((tmp_path / "data" / "scratch").iterdir())) == 1
        assert host.end() == 0


@pytest.mark.fault("two-hosts")
def test_two_hosts_share_a_plugins_directory_but_no_data_folder(tmp_path):
    folder = write(tmp_path / "plugins", "a")
    before = sorted(path.name for path in folder.rglob("*"))
    with (
        serving(tmp_path / "plugins", tmp_path / "one") as one,
        serving(tmp_path / "plugins", tmp_path / "two") as two,
    ):
        until(lambda: one.all_ready() and two.all_ready())
        pids = (one.pids()["a"], two.pids()["a"])
        assert pids[0] != pids[1]
        assert sorted(path.name for path in folder.rglob("*")) == before, "nobody writes into it"
        (folder / "more.txt").write_text("changed")
        until(lambda: one.pids()["a"] != pids[0] and two.pids()["a"] != pids[1])
        third = subprocess.run(
            command(tmp_path / "plugins", tmp_path / "one"),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert third.returncode == 2
        assert "another host" in third.stderr
        assert one.all_ready()
