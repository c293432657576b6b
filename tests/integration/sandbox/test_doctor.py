"""The doctor on this machine, and on machines that lack what this one has: as its kernel would tell it."""

from __future__ import annotations

import json
import os
import shutil
import site
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from host.sandbox.canaries.table import CANARIES

ROOT = Path(__file__).parents[3]
LACKING = Path(__file__).with_name("lacking.py")
WITHIN_S = 60.0
DOCTOR = [sys.executable, "-m", "host.cli.main", "doctor"]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="NOT TESTED: the layers are Linux's")


def run(*more: str, lacking: str = "") -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, str(LACKING), lacking, *DOCTOR] if lacking else DOCTOR
    return subprocess.run([*argv, *more], capture_output=True, text=True, timeout=WITHIN_S, cwd=ROOT)


@cache
def diagnosis(lacking: str = ""):
    """Exit code, the report, and its canaries by name."""
    done = run("--json", lacking=lacking)
    assert done.stderr == ""
    report = json.loads(done.stdout)
    return done.returncode, report, {each["name"]: each for each in report["canaries"]}


def layer(report, name):
    return next(each for each in report["layers"] if each["name"] == name)


def test_every_canary_succeeds_without_a_sandbox_and_is_stopped_by_whatever_layer_this_machine_has():
    _, _, canaries = diagnosis()
    assert set(canaries) == {row.name for row in CANARIES}
    for each in canaries.values():
        assert each["outcome"] == ("succeeded" if each["expected"] else "stopped"), each


def test_it_exits_0_where_the_default_profile_holds_and_3_where_it_does_not():
    code, report, _ = diagnosis()
    assert report["holds"] == (report["tier"] == "A")
    assert code == (0 if report["holds"] else 3)


def needs_tier_a():
    if diagnosis()[1]["tier"] != "A":
        pytest.skip(f"NOT TESTED: this machine reaches tier {diagnosis()[1]['tier']} itself")


@pytest.mark.parametrize(
    ("lacking", "tier"),
    [
        ("namespaces", "C"),
        ("landlock", "D"),
        ("namespaces,landlock", "D"),
        ("seccomp", "none"),
        ("namespaces,landlock,seccomp", "none"),
    ],
)
def test_a_machine_that_lacks_a_layer_is_refused_and_told_which_why_and_what_would_help(lacking, tier):
    needs_tier_a()
    code, report, canaries = diagnosis(lacking)
    assert (code, report["tier"], report["holds"]) == (3, tier, False)
    assert report["accept"] == "--allow-weak-sandbox"
    assert report["accept"] in report["verdict"]
    for name in ("namespaces", "landlock", "seccomp"):
        found = layer(report, name)
        assert found["active"] == (name not in lacking.split(",")), found
        assert bool(found["why"]) == bool(found["remedy"]) == (not found["active"])
    for each in canaries.values():
        assert each["outcome"] == ("succeeded" if each["expected"] else "stopped"), each


def test_canaries_get_out_where_nothing_stops_them_so_they_are_real():
    needs_tier_a()
    _, _, canaries = diagnosis("namespaces,landlock,seccomp")
    succeeded = {name for name, each in canaries.items() if each["outcome"] == "succeeded"}
    assert succeeded >= {"read_secret", "write_code", "connect", "execute", "start_process", "fill_disk"}
    assert all(each["control"] for each in canaries.values())


def test_text_says_the_same_in_words():
    done = run(lacking="namespaces")
    assert done.returncode == 3
    assert "Tier C" in done.stdout
    assert "INACTIVE  namespaces" in done.stdout
    assert "remedy: let this user make user namespaces" in done.stdout
    assert "--allow-weak-sandbox" in done.stdout
    assert "\x1b" not in done.stdout


def test_an_operator_who_wants_less_is_answered_by_that(tmp_path):
    needs_tier_a()
    config = tmp_path / "engine-ops.toml"
    config.write_text('[sandbox]\nmin_tier = "C"\n')
    done = run("--json", "--config", str(config), lacking="namespaces")
    assert (done.returncode, json.loads(done.stdout)["minTier"]) == (0, "C")


def test_it_takes_less_than_five_seconds():
    before = os.times()
    run("--json")
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    assert spent < 5.0


def test_it_leaves_nothing_behind(tmp_path):
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run(DOCTOR, capture_output=True, timeout=WITHIN_S, cwd=ROOT, env=env)
    assert list(tmp_path.iterdir()) == []


def public_interpreter() -> str | None:
    """One of this version that everybody may run; it borrows this one's packages."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    candidates = (sys.executable, shutil.which(name, path="/usr/local/bin:/usr/bin"))
    for each in filter(None, candidates):
        path = Path(each).resolve()
        if all(step.stat().st_mode & 0o001 for step in (path, *path.parents)):
            return each
    return None


def test_as_nobody_it_finds_what_an_ordinary_user_has():
    if os.geteuid() != 0:
        pytest.skip("this run is an ordinary user's itself")
    if (python := public_interpreter()) is None or shutil.which("setpriv") is None:
        pytest.skip("NOT TESTED AS NOBODY: there is no setpriv, or no interpreter that everybody may run")
    nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    env = {"PYTHONPATH": os.pathsep.join([str(ROOT), *site.getsitepackages()]), "PATH": "/usr/bin:/bin"}
    argv = [*nobody, python, *DOCTOR[1:], "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=WITHIN_S, cwd="/", env=env)
    assert done.returncode in (0, 3), done.stderr
    report = json.loads(done.stdout)
    assert report["user"] == 65534
    assert not layer(report, "ids")["active"]
    for each in report["canaries"]:
        assert each["outcome"] == ("succeeded" if each["expected"] else "stopped"), each
