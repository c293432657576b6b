"""From limits to files and values."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.process.group import GroupLimits
from host.sandbox.cgroup.settings import LEAST_QUOTA_US, PERIOD_US, WANTED, settings

ALL = {version: frozenset(names) for version, names in WANTED.items()}


def written(version, limits, controllers=None):
    return {s.file: s.value for s in settings(version, limits, controllers or ALL[version])}


def test_version_2_caps_memory_without_swap_and_kills_the_whole_group():
    assert written(2, GroupLimits(1000, tasks=5, cpu_cores=1.5)) == {
        "memory.max": "1000",
        "memory.swap.max": "0",
        "memory.zswap.max": "0",
        "memory.oom.group": "1",
        "pids.max": "5",
        "cpu.max": "150000 100000",
        "cpu.weight": "10",
    }


def test_version_1_sets_the_limit_without_swap_before_the_one_with_it():
    files = [s.file for s in settings(1, GroupLimits(1000, cpu_cores=0.5), ALL[1])]
    assert files.index("memory.limit_in_bytes") < files.index("memory.memsw.limit_in_bytes")
    assert written(1, GroupLimits(1000, cpu_cores=0.5))["cpu.cfs_quota_us"] == "50000"


@pytest.mark.parametrize(("version", "file", "default"), [(1, "cpu.shares", 1024), (2, "cpu.weight", 100)])
def test_a_plugin_gets_a_tenth_of_what_the_host_gets_of_a_busy_processor(version, file, default):
    """Between groups nice counts for nothing."""
    assert int(written(version, GroupLimits(1, cpu_cores=1))[file]) == default // 10


def test_a_share_of_processor_time_that_an_outer_group_holds_smaller_is_no_error():
    (quota,) = [s for s in settings(1, GroupLimits(1, cpu_cores=4), ALL[1]) if s.file == "cpu.cfs_quota_us"]
    assert quota.tolerated == {errno.EINVAL}


@pytest.mark.parametrize("version", [1, 2])
def test_without_a_share_of_processor_time_none_is_written(version):
    assert not [file for file in written(version, GroupLimits(1)) if file.startswith("cpu")]


@pytest.mark.parametrize("version", [1, 2])
def test_limits_of_controllers_that_are_not_at_hand_are_left_out(version):
    files = written(version, GroupLimits(1, cpu_cores=1), frozenset({"memory"}))
    assert files
    assert all(file.startswith("memory.") for file in files)


@pytest.mark.parametrize("version", [1, 2])
def test_only_what_some_kernels_lack_may_be_absent(version):
    needed = {
        s.file for s in settings(version, GroupLimits(1, cpu_cores=1), ALL[version]) if not s.absent_is_fine
    }
    assert (
        needed
        == {
            1: {"memory.limit_in_bytes", "pids.max", "cpu.cfs_period_us", "cpu.cfs_quota_us"},
            2: {"memory.max", "pids.max", "cpu.max"},
        }[version]
    )


@given(st.floats(1e-6, 1024))
def test_the_quota_is_in_the_kernels_range_and_grows_with_the_share(cores):
    quota = int(written(1, GroupLimits(1, cpu_cores=cores))["cpu.cfs_quota_us"])
    assert quota >= LEAST_QUOTA_US
    assert abs(quota - cores * PERIOD_US) <= LEAST_QUOTA_US
