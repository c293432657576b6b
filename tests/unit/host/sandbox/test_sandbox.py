"""From a manifest to what is run."""

from __future__ import annotations

import sys
from pathlib import Path

from host.sandbox.policy import SandboxPolicy
from host.sandbox.sandbox import environment, launch_spec
from plugin_sdk.contract.manifest import Limits, Manifest

FOLDER, SCRATCH = Path("/plugins/a"), Path("/scratch/a-1")
POLICY = SandboxPolicy(memory_bytes=1000, address_space_backstop=500, file_bytes=50, open_files=7, nice=3)


def manifest(**more):
    return Manifest("a", "1.0.0", ("resource",), **({"entry": "plugin:P"} | more))


def test_an_entry_is_run_by_the_sdks_runner_in_this_python_isolated():
    spec = launch_spec(manifest(), FOLDER, SCRATCH, POLICY)
    assert spec.argv == (
        *(sys.executable, "-I", "-B", "-m", "plugin_sdk.runner"),
        *("--entry", "plugin:P", "--folder", "/plugins/a"),
    )
    assert spec.cwd == "/plugins/a"
    assert spec.nice == 3


def test_a_command_is_run_as_it_stands():
    made = manifest(entry=None, command=("./plugin", "--fast"))
    assert launch_spec(made, FOLDER, SCRATCH, POLICY).argv == ("./plugin", "--fast")


def test_limits_are_those_granted_never_those_asked_for():
    asked = Limits(memory_bytes=10**9, scratch_bytes=20)
    limits = launch_spec(manifest(limits=asked), FOLDER, SCRATCH, POLICY).limits
    assert (limits.data_bytes, limits.address_space_bytes) == (1000, 1500)
    assert (limits.open_files, limits.file_bytes, limits.core_bytes) == (7, 20, 0)


def test_nothing_of_the_hosts_environment_is_handed_on(monkeypatch):
    monkeypatch.setenv("HOME", "/root")
    monkeypatch.setenv("PATH", "/secret/bin")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    seen = environment(Limits(threads=10**6), SCRATCH)
    assert seen["HOME"] == seen["TMPDIR"] == "/scratch/a-1"
    assert "/secret/bin" not in seen["PATH"]
    assert "AWS_SECRET_ACCESS_KEY" not in seen
    assert 1 <= int(seen["OMP_NUM_THREADS"]) <= 1024
