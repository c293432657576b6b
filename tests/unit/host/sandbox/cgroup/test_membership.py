"""Where a process's own groups are, from what the kernel prints."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from host.sandbox.cgroup.membership import V2, CgroupMount, own_directory, parse_membership, parse_mounts

HYBRID = "4:memory:/a/b\n3:cpu,cpuacct:/\n1:name=systemd:/init.scope\n0::/user.slice/user@1000.service\n"
MOUNTS = r"""31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
36 31 0:33 /docker/1 /sys/fs/cgroup/a\040b ro,relatime - cgroup cgroup rw,cpu,cpuacct
41 31 0:38 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw,nsdelegate
""".replace("\t", "")


def test_every_controller_gets_its_path_and_the_unified_hierarchy_the_empty_name():
    assert parse_membership(HYBRID) == {
        "memory": "/a/b",
        "cpu": "/",
        "cpuacct": "/",
        "name=systemd": "/init.scope",
        V2: "/user.slice/user@1000.service",
    }


def test_a_path_may_hold_colons():
    assert parse_membership("0::/a:b:c\n") == {V2: "/a:b:c"}


def test_only_cgroup_mounts_are_read_with_their_escapes_and_optional_fields():
    memory, cpu, unified = parse_mounts(MOUNTS)
    assert memory == CgroupMount(1, frozenset({"memory"}), "/", "/sys/fs/cgroup/memory", True)
    assert cpu == CgroupMount(1, frozenset({"cpu", "cpuacct"}), "/docker/1", "/sys/fs/cgroup/a b", False)
    assert (unified.version, unified.point, unified.writable) == (2, "/sys/fs/cgroup/unified", True)


@pytest.mark.parametrize(
    ("root", "path", "expected"),
    [
        ("/", "/", "/mnt"),
        ("/", "/a/b", "/mnt/a/b"),
        ("/docker/1", "/docker/1", "/mnt"),
        ("/docker/1", "/docker/1/x", "/mnt/x"),
        ("/docker/1", "/docker/2", None),
        ("/", "/../outside", None),
    ],
)
def test_the_own_directory_is_the_path_below_what_is_mounted(root, path, expected):
    mount = CgroupMount(2, frozenset(), root, "/mnt", True)
    found = own_directory(mount, {V2: path})
    assert found == (None if expected is None else PurePosixPath(expected))


def test_a_mount_that_cannot_be_written_has_no_directory_for_us():
    mount = CgroupMount(1, frozenset({"memory"}), "/", "/mnt", False)
    assert own_directory(mount, {"memory": "/"}) is None


def test_a_version_1_mount_of_controllers_we_are_not_in_has_no_directory():
    mount = CgroupMount(1, frozenset({"devices"}), "/", "/mnt", True)
    assert own_directory(mount, {"memory": "/"}) is None
