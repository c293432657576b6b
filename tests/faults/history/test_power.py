"""Nothing that was acknowledged is lost: a write load, killed at random points, and robbed of its power.

`ENGINE_OPS_KILLS=200` kills it as often as the goal says; a few times without.
"""

from __future__ import annotations

import os
import random
import select
import subprocess
import sys
import time

import pytest

from tests.faults.history.comparing import acknowledged, kept
from tests.faults.history.syncs import ROOT, SyncWatch

KILLS = int(os.environ.get("ENGINE_OPS_KILLS", "4"))


def read_for(stream, seconds):
    """What *stream* says until *seconds* after its first line."""
    said, until = b"", None
    while until is None or time.monotonic() < until:
        ready, _, _ = select.select(
            [stream], [], [], 20 if until is None else max(0, until - time.monotonic())
        )
        if not ready:
            assert until is not None, "the load did not begin"
            break
        said += os.read(stream.fileno(), 65536)
        if until is None and b"\n" in said:
            until = time.monotonic() + seconds
    return said


def run_load(folder, how, seconds, pause_s=0.0):
    """A load killed with SIGKILL after *seconds*; what it had said by then."""
    command = [sys.executable, "-m", "tests.faults.history.load", str(folder), how, str(pause_s), "-1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        said = read_for(process.stdout, seconds)
        process.kill()
        return acknowledged(said + process.stdout.read())


@pytest.mark.fault("history-killed")
async def test_what_was_acknowledged_is_there_after_kill_9(tmp_path):
    chance = random.Random(os.environ.get("ENGINE_OPS_SEED", "kill"))
    promised, total = set(), 0
    for at in range(KILLS):
        if at % 5 == 0:  # a history that was killed a few times is as good as one that was killed often
            promised = set()
        folder = tmp_path / f"h{at // 5}"
        promised |= run_load(folder, "honest", chance.uniform(0.0, 0.4), chance.choice([0.0, 0.005, 0.02]))
        total += len(promised)
        numbers, history = await kept(folder)
        assert promised <= set(numbers)
        assert len(numbers) == len(set(numbers)), "a point is there twice"
        assert history.status().set_aside == ()
        await history.aclose()
    assert total, "the load recorded nothing, so nothing was tried"
    print(f"{KILLS} kills; {total} acknowledged points looked for, all there")


async def test_the_killing_finds_a_host_that_acknowledges_too_early(tmp_path):
    """The control: a history that answers before it commits loses points to some kill."""
    for at in range(20):
        promised = run_load(tmp_path / f"h{at}", "early", 0.05)
        numbers, history = await kept(tmp_path / f"h{at}")
        await history.aclose()
        if not promised <= set(numbers):
            return
    pytest.fail("20 kills did not find it")


def lose_power(tmp_path, how, syncs, seconds=3.0):
    """A load that runs until it has synced so often or that long; what it had promised, and what is on the disk."""
    image = tmp_path / f"image-{how}-{syncs}"
    try:
        watch = SyncWatch(tmp_path / f"disk-{how}-{syncs}", how, image)
    except OSError as error:
        pytest.skip(f"NO SECCOMP LISTENER on this machine, so no power can be lost: {error}")
    with watch:
        said, until = b"", time.monotonic() + 20
        while b"\n" not in said or (watch.syncs < syncs and time.monotonic() < until):
            ready, _, _ = select.select([watch.process.stdout], [], [], 0.05)
            if ready:
                if b"\n" not in said:
                    until = time.monotonic() + seconds
                said += os.read(watch.process.stdout.fileno(), 65536)
        watch.process.kill()
        said += watch.process.stdout.read()
    return acknowledged(said), image


@pytest.mark.fault("history-power")
@pytest.mark.parametrize("syncs", [15, 40])
async def test_what_was_acknowledged_is_there_after_a_loss_of_power(tmp_path, syncs):
    promised, image = lose_power(tmp_path, "honest", syncs)
    assert promised
    numbers, history = await kept(image)
    await history.aclose()
    assert promised <= set(numbers)


async def test_the_loss_of_power_finds_a_host_that_does_not_sync(tmp_path):
    """The control: with synchronous=OFF nothing was on the disk."""
    promised, image = lose_power(tmp_path, "unsynced", 1_000_000, seconds=1.0)
    assert promised
    numbers, history = await kept(image)
    await history.aclose()
    assert not promised <= set(numbers)


@pytest.mark.fault("history-sync-fails")
async def test_after_a_failed_sync_nothing_is_promised_on_that_file_again(tmp_path):
    """Source: fsync(2): "the kernel may mark the pages clean", so a later sync says nothing of them."""
    disk = tmp_path / "disk"
    try:
        watch = SyncWatch(disk, "honest", tmp_path / "image", lambda number, _: number == 12)
    except OSError as error:
        pytest.skip(f"NO SECCOMP LISTENER on this machine, so no sync can fail: {error}")
    with watch:
        said, after = b"", b""
        until = time.monotonic() + 40
        while time.monotonic() < until and len(acknowledged(after)) < 200:
            ready, _, _ = select.select([watch.process.stdout], [], [], 0.05)
            if ready:
                data = os.read(watch.process.stdout.fileno(), 65536)
                said += data
                if list(disk.glob("history.db.damaged-*")):
                    after += data
        watch.process.kill()
        said += watch.process.stdout.read()
    assert watch.failed == ["history.db-wal"]
    assert list(disk.glob("history.db.damaged-*")), "the file whose sync failed is out of use, and kept"
    assert len(acknowledged(after)) >= 200, "it goes on with a new file"
    for folder in ("disk", "image"):
        numbers, history = await kept(tmp_path / folder)
        await history.aclose()
        assert acknowledged(said) <= set(numbers)
        assert len(numbers) == len(set(numbers))
