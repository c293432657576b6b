"""From a manifest to what is run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from host.process.group import GroupLimits
from host.sandbox.interpreter import Interpreter
from host.sandbox.machine import Machine
from host.sandbox.policy import SandboxPolicy
from host.sandbox.refusals import RefusedError
from host.sandbox.sandbox import Sandbox, environment
from plugin_sdk.contract.manifest import Limits, Manifest

FOLDER, SCRATCH = Path("/plugins/a"), Path("/scratch/a-1")
POLICY = SandboxPolicy(memory_bytes=1000, address_space_backstop=500, file_bytes=50, open_files=7, nice=3)
FULL = Machine(
    namespaces="user", uid=os.geteuid(), gid=os.getegid(), own_proc=True, landlock_abi=7, seccomp=True,
    listener=True, group="cgroup v2: memory",
)  # fmt: skip
BARE = Machine("none", uid=os.geteuid(), gid=os.getegid(), landlock_abi=7, seccomp=True)
OWN = Interpreter("/env/bin/python", ("/env",), sdk="/sdk/plugin_sdk")


def manifest(**more):
    return Manifest("a", "1.0.0", ("resource",), **({"entry": "plugin:P"} | more))


def by_process(asked, policy=POLICY, interpreter=None):
    return Sandbox(policy).launch_spec(asked, FOLDER, SCRATCH, interpreter)


def test_an_entry_is_run_by_the_sdks_runner_in_this_python_isolated():
    spec = by_process(manifest())
    assert spec.argv == (
        *(sys.executable, "-I", "-B", "-m", "plugin_sdk.runner"),
        *("--entry", "plugin:P", "--folder", "/plugins/a"),
    )
    assert spec.cwd == "/plugins/a"
    assert spec.nice == 3


def test_a_command_is_run_as_it_stands():
    made = manifest(entry=None, command=("./plugin", "--fast"))
    assert by_process(made).argv == ("./plugin", "--fast")


def test_limits_are_those_granted_never_those_asked_for():
    asked = Limits(memory_bytes=10**9, scratch_bytes=20)
    spec = by_process(manifest(limits=asked))
    limits = spec.limits
    assert (limits.data_bytes, limits.address_space_bytes) == (1000, 1500)
    assert (limits.open_files, limits.file_bytes, limits.core_bytes) == (7, 20, 1)
    assert spec.memory_cap_bytes == 1000


def test_nothing_of_the_hosts_environment_is_handed_on(monkeypatch):
    monkeypatch.setenv("HOME", "/root")
    monkeypatch.setenv("PATH", "/secret/bin")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    seen = environment(Limits(threads=10**6), SCRATCH)
    assert seen["HOME"] == seen["TMPDIR"] == "/scratch/a-1"
    assert "/secret/bin" not in seen["PATH"]
    assert "AWS_SECRET_ACCESS_KEY" not in seen
    assert 1 <= int(seen["OMP_NUM_THREADS"]) <= 1024
    assert by_process(manifest()).env == environment(Limits(), SCRATCH)


def test_without_a_sandbox_every_layer_that_is_missing_is_said_to_be():
    spec = by_process(manifest())
    assert (spec.tier, spec.confinement) == ("none", None)
    for layer in ("namespaces", "landlock", "seccomp", "cgroup"):
        assert spec.layers[layer].startswith("inactive")


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "a"
    made.mkdir()
    (made / "plugin.py").write_text("import numpy\n")
    return made


def confined(folder, machine=FULL, interpreter=None, policy=None, **more):
    policy = policy or SandboxPolicy(min_tier="D")
    scratch = folder.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    return Sandbox(policy, machine).launch_spec(manifest(**more), folder, scratch, interpreter)


def test_in_the_sandbox_an_entry_is_forked_from_a_zygote_and_may_become_no_other_program(folder):
    spec = confined(folder)
    assert "numpy" in spec.confinement.preload
    assert spec.confinement.plan["program"]["runner"] == ["--entry", "plugin:P", "--folder", "/plugin"]
    assert not spec.confinement.let_exec
    assert (spec.cwd, spec.env["HOME"], spec.tier) == ("/plugin", "/scratch", "A")


def test_an_entry_with_packages_of_its_own_is_run_by_their_interpreter_with_the_sdk_beside_them(folder):
    spec = confined(folder, interpreter=OWN)
    assert spec.confinement.preload == ()
    assert spec.confinement.let_exec
    assert spec.argv[0] == "/env/bin/python"
    assert "/sdk" in spec.argv
    assert spec.argv[-4:] == ("--entry", "plugin:P", "--folder", "/plugin")
    bound = {source for source, *_ in spec.confinement.plan["mounts"]["binds"]}
    assert {"/env", "/sdk/plugin_sdk"} <= bound
    assert by_process(manifest(), interpreter=OWN).argv[0] == "/env/bin/python"


@pytest.mark.parametrize("machine", [FULL, BARE])
def test_a_group_or_the_watchdog_holds_the_memory_that_was_granted(folder, machine):
    asked = Limits(memory_bytes=2**40, cpu_cores=1000.0)
    spec = confined(folder, machine, limits=asked)
    cap = SandboxPolicy().memory_bytes
    assert spec.memory_cap_bytes == cap
    if machine.group is not None:
        assert spec.confinement.group == GroupLimits(cap, SandboxPolicy().tasks, SandboxPolicy().cpu_cores)
        assert spec.confinement.watch_bytes is None
    else:
        assert spec.confinement.group is None
        assert 0 < spec.confinement.watch_bytes <= 1.25 * cap
        assert spec.limits.data_bytes <= cap


def test_where_it_has_no_root_of_its_own_it_is_shown_its_own_places_alone(folder):
    spec = confined(folder, BARE)
    assert (spec.cwd, spec.tier) == (str(folder), "C")
    assert spec.env["HOME"] == str(folder.parent / "scratch")
    rules = spec.confinement.plan["landlock"]["rules"]
    assert (str(folder.parent / "scratch"), "write") in rules
    assert [path for path, kind in rules if kind == "write"] == [str(folder.parent / "scratch")]


def test_a_memory_cap_that_cannot_be_divided_is_refused_with_the_reason(folder):
    with pytest.raises(RefusedError, match="memory"):
        confined(folder, BARE, limits=Limits(memory_bytes=1000))


def test_a_machine_below_the_least_tier_starts_nothing_unless_that_is_accepted(folder):
    strict = SandboxPolicy()
    with pytest.raises(RefusedError, match="reaches tier C, the policy wants A"):
        confined(folder, BARE, policy=strict)
    assert confined(folder, BARE, policy=SandboxPolicy(isolation="best-effort")).tier == "C"
