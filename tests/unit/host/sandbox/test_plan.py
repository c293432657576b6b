"""A child's orders, from what the machine offers."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from host.process.spec import ResourceLimits
from host.sandbox.kernel import libc
from host.sandbox.machine import Machine
from host.sandbox.plan import make_plan
from host.sandbox.root import RootFolder
from host.sandbox.seccomp.profiles import SeccompProfile

ROOT = RootFolder(Path("/srv/one"), ("/opt/python",), False, 1000, 10, 500)
LIMITS = ResourceLimits(data_bytes=1 << 20, open_files=64, tasks=16)
AS_ROOT = Machine("user", 65534, 65534, True, True, True, 7, True, True)
AS_USER = Machine("user", 1001, 1002, False, False, True, 7, True, True)
BY_ROOT = Machine("root", 65534, 65534, True, True, True, 7, True, True)
BARE = Machine("none", 1001, 1002, False, False, False, 4, True, False)
MACHINES = [AS_ROOT, AS_USER, BY_ROOT, BARE]


def plan_for(machine, profile=None):
    profile = profile or SeccompProfile(listener=machine.listener)
    program = {"argv": ["/bin/true"], "env": {}, "cwd": "/"}
    return make_plan(machine, ROOT, LIMITS, profile, program, scratch=Path("/data/one"), nice=5)


@pytest.mark.parametrize("machine", MACHINES)
def test_a_plan_can_be_sent_as_json_and_means_the_same(machine):
    plan = plan_for(machine)
    again = json.loads(json.dumps(plan))
    assert json.loads(json.dumps(again)) == again
    assert set(again) == {
        "flags", "map", "ids", "outside_uid", "mounts", "limits", "nice", "bounding", "own_pids", "landlock",
        "seccomp", "program",
    }  # fmt: skip


def test_root_maps_its_plugins_to_nobody_and_a_user_to_itself():
    assert plan_for(AS_ROOT)["map"] == {"uid": "1000 65534 1", "gid": "1000 65534 1", "deny_setgroups": False}
    assert plan_for(AS_USER)["map"] == {"uid": "1000 1001 1", "gid": "1000 1002 1", "deny_setgroups": True}
    assert plan_for(AS_ROOT)["ids"]["drop_groups"] is True
    assert plan_for(AS_USER)["ids"]["drop_groups"] is False


def test_namespaces_are_all_or_none_and_the_user_namespace_only_where_it_can_be_had():
    every = plan_for(AS_USER)["flags"]
    assert every & libc.CLONE_NEWUSER
    assert plan_for(BY_ROOT)["flags"] == every & ~libc.CLONE_NEWUSER
    assert plan_for(BY_ROOT)["map"] is None
    assert plan_for(BY_ROOT)["ids"]["uid"] == 65534
    bare = plan_for(BARE)
    assert (bare["flags"], bare["mounts"], bare["ids"], bare["own_pids"]) == (0, None, None, False)


def test_tasks_are_limited_only_where_they_are_counted_for_the_plugin_alone():
    assert plan_for(AS_USER)["limits"]["RLIMIT_NPROC"] == 16
    assert "RLIMIT_NPROC" not in plan_for(BARE)["limits"]
    assert "RLIMIT_AS" not in plan_for(AS_USER)["limits"]
    assert plan_for(AS_USER)["limits"]["RLIMIT_CORE"] == 1


def test_filters_are_whole_programs_and_the_alarm_is_there_only_with_a_listener():
    both = plan_for(AS_USER)["seccomp"]
    assert set(both) == {"main", "alarm"}
    assert all(len(base64.b64decode(each)) % 8 == 0 for each in both.values())
    assert set(plan_for(BARE)["seccomp"]) == {"main"}
    unfiltered = Machine("user", 1, 1, landlock_abi=0)
    assert plan_for(unfiltered)["seccomp"] is None
    assert plan_for(unfiltered)["landlock"] is None
