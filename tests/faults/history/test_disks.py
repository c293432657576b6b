"""Disks that are full or take no writes, and files that are torn or none of ours: optimizing goes on, and nobody is lied to."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sqlite3
import subprocess

import pytest

from host.app import build
from host.config import HostConfig
from host.gateway.api import Selection
from host.workload.errors import HistoryUnavailableError
from host.workload.store.lines import decode_line
from plugin_sdk.contract.problems.request import parse_request
from plugin_sdk.contract.workload import WorkloadDataPoint

REQUEST = {
    "id": "1",
    "type": "resource",
    "data": {"items": [{"id": "a", "cpu": 1}], "nodeCapacity": {"cpu": 2}},
}


def point(n):
    return WorkloadDataPoint(float(n), "scheduling", {"cpu": 1.0}, 5.0, True, {"pad": "x" * 500})


@contextlib.contextmanager
def mounted(place, size):
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("NOT ROOT: a small disk cannot be mounted")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], capture_output=True, text=True
    )
    if done.returncode != 0:
        pytest.skip(f"NO MOUNTS HERE: a small disk cannot be mounted: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def take_no_writes(disk):
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)


@contextlib.asynccontextmanager
async def host_on(folders, tmp_path, data):
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    async with build(folders.directory, scratch, HostConfig(), data) as up:
        yield up.host


async def numbers(host):
    found = []
    async for lines in host.workload_export(Selection(type="scheduling")):
        found += [int(decode_line(line).timestamp) for line in lines]
    return found


@pytest.mark.fault("history-disk-full")
async def test_on_a_full_disk_optimizing_goes_on_and_recording_again_when_there_is_room(
    folders, tmp_path, eventually
):
    with mounted(tmp_path / "disk", "3m") as disk:
        async with host_on(folders, tmp_path, disk) as host:
            promised = []
            await host.record([point(0)])
            (disk / "ballast").write_bytes(b"\0" * 1_000_000)
            with pytest.raises(HistoryUnavailableError, match="no room on the disk"):
                for n in range(1, 100_000, 100):
                    await host.record([point(each) for each in range(n, n + 100)])
                    promised += range(n, n + 100)
            assert (await host.optimize(parse_request(REQUEST))).success
            health = host.health()
            assert health["status"] == "degraded"
            assert "no room on the disk" in health["reasons"][0]
            assert not host.ready()[0]
            assert set(promised) <= set(await numbers(host))
            (disk / "ballast").unlink()
            async with asyncio.timeout(60):
                while True:
                    with contextlib.suppress(HistoryUnavailableError):
                        await host.record([point(-1)])
                        break
                    await asyncio.sleep(0.1)
            await eventually(lambda: host.health()["status"] == "ok")
            promised.append(-1)
        async with host_on(folders, tmp_path, disk) as host:
            assert set(promised) <= set(await numbers(host))
            assert host.host_info()["history"].set_aside == ()


@pytest.mark.fault("history-read-only")
async def test_on_a_disk_that_takes_no_writes_optimizing_goes_on(folders, tmp_path):
    with mounted(tmp_path / "disk", "3m") as disk:
        take_no_writes(disk)
        async with host_on(folders, tmp_path, disk) as host:
            assert (await host.optimize(parse_request(REQUEST))).success
            with pytest.raises(HistoryUnavailableError, match="cannot be opened"):
                await host.record([point(1)])
            history = host.health()["history"]
            assert (history.durable, history.points) == (False, 0)
            assert "Read-only" in history.why_not or "readonly" in history.why_not


async def filled(folders, tmp_path, count=3000):
    """A closed history of so many points."""
    async with host_on(folders, tmp_path, tmp_path / "data") as host:
        for n in range(0, count, 100):
            await host.record([point(each) for each in range(n, n + 100)])
    return tmp_path / "data" / "history" / "history.db"


@pytest.mark.fault("history-torn")
async def test_a_torn_file_is_set_aside_and_what_is_whole_in_it_is_kept(folders, tmp_path):
    path = await filled(folders, tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    async with host_on(folders, tmp_path, tmp_path / "data") as host:
        assert (await host.optimize(parse_request(REQUEST))).success
        await host.record([point(-1)])
        kept = await numbers(host)
        (said,) = host.health()["history"].set_aside
        assert f"{len(kept) - 1} of its points are kept" in said
    (aside,) = path.parent.glob("history.db.damaged-*")
    assert aside.read_bytes()[:100] == whole[:100]


@pytest.mark.fault("history-damaged")
async def test_wherever_a_file_is_damaged_no_wrong_point_is_given_and_the_host_lives(folders, tmp_path):
    path = await filled(folders, tmp_path, 600)
    whole = path.read_bytes()
    chance = random.Random("damage")
    for _ in range(6):
        spoilt = bytearray(whole)
        at = chance.randrange(len(whole))
        spoilt[at : at + chance.choice([1, 64, 20_000])] = b"\xa5" * 64
        for each in path.parent.iterdir():
            each.unlink()
        path.write_bytes(bytes(spoilt))
        async with host_on(folders, tmp_path, tmp_path / "data") as host:
            await host.record([point(-1)])
            for _ in range(100):
                # Damage that is only found when the lines are read: the answer is an error until it is set aside.
                with contextlib.suppress(HistoryUnavailableError):
                    kept = await numbers(host)
                    break
                await asyncio.sleep(0.05)
            assert kept[-1] == -1
            assert set(kept) <= set(range(600)) | {-1}
            if len(kept) < 601:
                assert host.health()["history"].set_aside != ()


@pytest.mark.fault("history-foreign")
@pytest.mark.parametrize("kind", ["text", "another database", "a newer version"])
async def test_a_foreign_file_is_set_aside_whole(folders, tmp_path, kind):
    path = tmp_path / "data" / "history" / "history.db"
    path.parent.mkdir(parents=True)
    if kind == "text":
        path.write_text("what is this?\n" * 1000)
    else:
        with contextlib.closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TABLE mine(n)")
            other.execute("INSERT INTO mine VALUES (42)")
            if kind == "a newer version":
                other.execute(f"PRAGMA application_id = {0x454F4831}")
                other.execute("PRAGMA user_version = 99")
            other.commit()
    before = path.read_bytes()
    async with host_on(folders, tmp_path, tmp_path / "data") as host:
        await host.record([point(1)])
        assert await numbers(host) == [1]
        assert len(host.health()["history"].set_aside) == 1
    (aside,) = path.parent.glob("history.db.damaged-*")
    assert aside.read_bytes() == before


async def test_an_older_version_is_brought_to_the_present_one(folders, tmp_path):
    path = await filled(folders, tmp_path, 200)
    with contextlib.closing(sqlite3.connect(path)) as old:
        old.execute("DROP TABLE key")
        old.execute("PRAGMA user_version = 1")
        old.commit()
    async with host_on(folders, tmp_path, tmp_path / "data") as host:
        await host.record([point(-1)], "a key")
        assert await host.record([point(-1)], "a key") == 1
        assert await numbers(host) == [*range(200), -1]
        assert host.health()["history"].set_aside == ()
