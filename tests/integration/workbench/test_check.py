"""`engine-ops plugin new` and `check`, as an author calls them, in the real sandbox."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from host.workbench.new import TEMPLATES

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[3]


def engine_ops(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / "engine-ops"), *args], cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )


def written(folder: Path, manifest: str, code: str = "") -> Path:
    folder.mkdir()
    (folder / "plugin.toml").write_text(manifest)
    (folder / "plugin.py").write_text(code)
    return folder


MANIFEST = '[plugin]\nname = "p"\nversion = "1.0.0"\nhandles = ["ml-driven"]\nentry = "plugin:P"\n'


@pytest.mark.slow
@pytest.mark.parametrize("template", TEMPLATES)
def test_a_new_plugin_passes_its_checks(tmp_path: Path, template: str):
    assert engine_ops("plugin", "new", "my-first", "--template", template, cwd=tmp_path).returncode == 0
    args = ("--json", "--junit", "report.xml", "--calls", "500", "--allow-weak-sandbox")
    done = engine_ops("plugin", "check", "my-first", *args, cwd=tmp_path)
    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"]) == (0, True), [
        each for each in report["outcomes"] if each["status"] == "failed"
    ]
    assert {each["status"] for each in report["outcomes"]} == {"passed", "skipped"}
    suite = ElementTree.parse(tmp_path / "report.xml").getroot().find("testsuite")
    assert suite is not None and suite.get("failures") == "0"


@pytest.mark.slow
def test_the_commands_of_a_new_plugins_workflow_run_here(tmp_path: Path):
    engine_ops("plugin", "new", "my-first", cwd=tmp_path)
    folder = tmp_path / "my-first"
    workflow = (folder / ".github" / "workflows" / "check.yml").read_text()
    runs = re.findall(r"^ +run: (.+)$", workflow, re.MULTILINE)
    assert runs[0].startswith("python -m pip install ")  # this environment has what it would install
    assert len(runs) >= 4
    for run in runs[1:]:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", run],
            cwd=folder,
            env={"PATH": f"{BIN}:/usr/local/bin:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{run}\n{done.stdout}\n{done.stderr}"
    assert ElementTree.parse(folder / "dist" / "report.xml").find("testsuite") is not None
    # What differs from run to run must not be in the bundle, which is the same from the same files.
    (bundle,) = (folder / "dist").glob("*.tar.gz")
    with tarfile.open(bundle) as tar:
        assert not [name for name in tar.getnames() if name.endswith(".xml")]


@pytest.mark.parametrize(
    ("manifest", "code", "says"),
    [
        ("[plugin]\nname = 'P'\n", "", "plugin.toml:2: plugin.name is"),
        (MANIFEST.replace("plugin:P", "plugn:P"), "", "plugn.py is not in the folder"),
        (MANIFEST, "class Q:\n    pass\n", "has no 'P'; it has Q"),
        (MANIFEST, "import nowhere\n", "No module named 'nowhere'"),
        (
            MANIFEST,
            "class P:\n    def predict(self, input):\n        return 'soon'\n",
            "prediction is a text",
        ),
        (MANIFEST + "[limits]\nmemory = '60MiB'\n", "b = bytearray(10**8)\n", "MemoryError"),
    ],
)
def test_a_plugin_that_fails_is_refused_with_what_to_do(tmp_path: Path, manifest: str, code: str, says: str):
    folder = written(tmp_path / "p", manifest, code)
    done = engine_ops("plugin", "check", str(folder), "--calls", "100", "--allow-weak-sandbox", cwd=tmp_path)
    assert done.returncode == 3, done.stdout + done.stderr
    assert says in done.stdout
    assert "do:" in done.stdout


def test_a_folder_that_is_none_is_wrong_usage(tmp_path: Path):
    done = engine_ops("plugin", "check", "nowhere", cwd=tmp_path)
    assert done.returncode == 2
    assert "nowhere is no folder" in done.stderr


def test_a_warning_is_a_failure_when_it_is_asked_to_be(tmp_path: Path):
    folder = written(
        tmp_path / "p", MANIFEST, "class P:\n    def predict(self, input):\n        return input['a']\n"
    )
    args = ("plugin", "check", str(folder), "--calls", "100", "--allow-weak-sandbox")
    code = (
        "class P:\n    def predict(self, input):\n"
        "        if 'colour' in input:\n            raise KeyError('colour')\n        return 1.0\n"
    )
    (folder / "plugin.py").write_text(code)
    done = engine_ops(*args, "--strict", cwd=tmp_path)
    assert "WARN abstain" in done.stdout and " failed" not in done.stdout
    assert done.returncode == 3, done.stdout
