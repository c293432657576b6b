"""What plugins hold: the share of memory of many that idle, and by how much a bomb gets over its cap before its end.

Goals: at most 12 MB each of 50 idle scikit-learn plugins; no bomb over 1.25 times its cap.
"""

from __future__ import annotations

import statistics
from typing import Any

from host.process.group import GroupLimits
from host.process.watchdog import Watchdog
from host.sandbox.cgroup.budget import without_group
from host.sandbox.cgroup.delegation import CgroupUnavailableError
from host.sandbox.cgroup.manager import CgroupManager
from host.sandbox.seccomp.profiles import SeccompProfile
from host.sandbox.seccomp.programs import build
from host.sandbox.seccomp.syscalls import this_arch
from tests.benchmarks.starting import Yard, end, ms, parents_within, pss_bytes, yard
from tests.integration.sandbox.bombing import MIB, Bomb, Outcome

PLUGINS, EXECED = 50, 5
ROUNDS = 7
CAP = 512 * MIB
MEGABYTE = 1e6


async def _idle(place: Yard, kind: str, *, forked: bool, count: int) -> float:
    """Megabytes each, the median over *count* that run at one time."""
    spec = place.spec(kind, forked=forked)
    children = []
    try:
        for _ in range(count):
            children.append((await place.start(spec))[0])
        shares = [sum(pss_bytes(pid) for pid in parents_within(child.pid)) for child in children]
    finally:
        for child in children:
            await end(child)
    return statistics.median(shares) / MEGABYTE


async def _run() -> dict[str, Any]:
    async with yard() as place:
        forked = await _idle(place, "science", forked=True, count=PLUGINS)
        fitted = await _idle(place, "fitted", forked=True, count=PLUGINS)
        execed = await _idle(place, "science", forked=False, count=EXECED)
    if not forked:
        return {"share of memory": "the kernel lets this user not read it; run as root"}
    return {
        f"each of {PLUGINS} idle scikit-learn plugins, forked, MB (goal 12 or less)": round(forked, 1),
        "the same with a model that it fits and asks, MB": round(fitted, 1),
        f"each of {EXECED}, exec'd, MB": round(execed, 1),
        "exec'd / forked": round(execed / forked, 1),
    }


def _killed_after_s(outcome: Outcome, cap_mib: int) -> float:
    """From its own word that it held its cap, or the last word before, to its end."""
    over = [when for mib, when in outcome.lines if mib >= cap_mib]
    return outcome.ended_at - (over[0] if over else outcome.lines[-1][1])


def _by_group(groups: CgroupManager) -> tuple[float, float]:
    """Peak over the cap in MiB, and seconds to the end."""
    group = groups.prepare(GroupLimits(CAP))
    try:
        with Bomb("heap", 4 * CAP // MIB, join_fds=group.join_fds()) as bomb:
            if not group.holds(bomb.pid):
                group.add(bomb.pid)
            outcome = bomb.burst()
            peak = group.usage().peak_bytes
    finally:
        group.remove()
    if outcome.status is None or peak is None:
        raise RuntimeError("the bomb was not stopped")
    return (peak - CAP) / MIB, _killed_after_s(outcome, CAP // MIB)


def _by_watchdog() -> tuple[float, float]:
    """The same, by the watchdog alone: memory that no limit of the kernel's sees."""
    share = without_group(
        CAP, scratch_bytes=64 * MIB, shm_bytes=8 * MIB, open_files=256, backstop_bytes=16 * 1024 * MIB
    )
    assert share.watch_bytes is not None
    limits = {"RLIMIT_DATA": share.data_bytes, "RLIMIT_AS": share.address_space_bytes}
    filters = build(SeccompProfile(shared_memory=False, listener=False), this_arch(), alarm=False)
    with Bomb("made_read_only", 4 * CAP // MIB, limits=limits, seccomp=filters) as bomb:
        watch = Watchdog().watch(bomb.pid, share.watch_bytes)
        outcome = bomb.burst()
        watch.close()
    if outcome.status is None or watch.killed_at_bytes is None:
        raise RuntimeError("the bomb was not stopped")
    return (outcome.rss_bytes - CAP) / MIB, _killed_after_s(outcome, share.watch_bytes // MIB)


def _bombs() -> dict[str, Any]:
    said: dict[str, Any] = {}
    watched = [_by_watchdog() for _ in range(ROUNDS)]
    ways = {"watchdog": watched}
    try:
        groups = CgroupManager.open()
    except CgroupUnavailableError as error:
        said["bomb, cgroup"] = f"not measured: {error}"
    else:
        try:
            ways["cgroup"] = [_by_group(groups) for _ in range(ROUNDS)]
        finally:
            groups.close()
    for name, found in ways.items():
        most = max(over for over, _ in found)
        said[f"bomb of 2 GiB, cap 512 MiB, {name}: over the cap at most, MiB"] = round(most, 1)
        said[f"bomb, {name}: peak / cap (goal 1.25 or less)"] = round(1 + most * MIB / CAP, 3)
        said[f"bomb, {name}: to its end, median ms"] = ms(statistics.median(took for _, took in found))
    return said


def run() -> dict[str, Any]:
    """The figures."""
    import uvloop

    return uvloop.run(_run()) | _bombs()
