"""Who may import whom, and what is loaded when."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]


def loaded_by(statement: str) -> set[str]:
    """The top-level names of every module that a fresh process has after *statement*."""
    code = (
        f"import sys\n{statement}\nprint('loaded:', *sorted(name.partition('.')[0] for name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stdout.rpartition("loaded:")[2].split())


def test_every_layer_contract_holds():
    code = "import sys\nfrom importlinter.cli import lint_imports\nsys.exit(lint_imports(no_cache=True))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(SETTINGS['contracts'])} kept, 0 broken" in done.stdout


def test_every_room_of_the_host_has_its_layer():
    (layers,) = (each for each in SETTINGS["contracts"] if each["id"] == "host-layers")
    assert layers["exhaustive"] is True
    named = [name.strip() for line in layers["layers"] for name in line.split("|")]
    rooms = {path.stem for path in (ROOT / "host").glob("*.py") if path.stem != "__init__"}
    rooms |= {path.parent.name for path in (ROOT / "host").glob("*/__init__.py")}
    assert sorted(named) == sorted(rooms), "a room without a layer, a layer without a room, or one twice"


def test_the_page_on_architecture_shows_the_layers_as_they_are():
    (layers,) = (each for each in SETTINGS["contracts"] if each["id"] == "host-layers")
    held = [{name.strip() for name in line.split("|")} for line in layers["layers"]]
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text()
    table = page.partition("| layer | rooms |")[2].partition("\n\n")[0]
    shown = [set(re.findall(r"`(\w+)`", row)) for row in table.splitlines()[2:]]
    assert shown == held


@pytest.mark.parametrize(
    "door", sorted((ROOT / "host").glob("*/__init__.py")), ids=lambda door: door.parent.name
)
def test_the_sign_of_a_room_names_every_room_that_it_imports(door):
    sign = " ".join((ast.get_docstring(ast.parse(door.read_text())) or "").split())
    allowed = re.search(r"May import: (.*?)(?:Start reading|$)", sign)
    assert allowed, "a sign says what the room may import"
    if "everything below it" in allowed.group(1):
        return
    imported = {
        name.split(".")[1]
        for path in door.parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (name := node.module or "").startswith("host.")
    }
    named = set(re.findall(r"\w+", allowed.group(1)))
    assert sorted(imported - named - {door.parent.name}) == []


def test_the_host_starts_without_numpy_and_scikit_learn():
    loaded = loaded_by("import host.serving, host.cli.main, host.cli.serve")
    assert "aiohttp" in loaded, "or this test looks at nothing"
    assert not loaded & {"numpy", "sklearn", "scipy", "pandas"}


def test_help_loads_nothing_that_it_does_not_show():
    loaded = loaded_by(
        "from host.cli.main import main\n"
        "sys.argv = ['engine-ops', '--help']\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert not end.code, end.code"
    )
    assert "click" in loaded, "or this test looks at nothing"
    heavy = {"numpy", "sklearn", "aiohttp", "msgspec", "uvloop", "rich", "asyncio", "watchfiles", "psutil"}
    assert not loaded & heavy


def test_the_sdk_loads_msgspec_and_the_standard_library_alone():
    before = loaded_by("import json")
    loaded = loaded_by("import plugin_sdk, plugin_sdk.runner.serve, plugin_sdk.testing") - before
    foreign = {name for name in loaded if name not in sys.stdlib_module_names and not name.startswith("_")}
    # msgspec itself takes typing_extensions where it happens to be installed; the next test does without.
    assert foreign - {"typing_extensions"} == {"plugin_sdk", "msgspec"}


PLUGIN = """
from plugin_sdk import BaseMLModel, PredictionResult

class Mean(BaseMLModel):
    def train(self, data):
        self.mean = sum(point.duration for point in data) / len(data)
    def predict(self, input_data):
        return PredictionResult(self.mean, 0.5, self.model_id)
"""
TRY = """
class Nothing:
    def find_spec(self, name, path=None, target=None):
        top = name.partition('.')[0]
        if top not in sys.stdlib_module_names and top not in ('plugin_sdk', 'msgspec', 'plugin'):
            raise ModuleNotFoundError(f'{name} is not installed here', name=name)
sys.meta_path.insert(0, Nothing())
for name in ('numpy', 'aiohttp', 'click'):
    try:
        __import__(name)
    except ModuleNotFoundError:
        pass
    else:
        raise AssertionError('the blocker blocks nothing')
"""


def test_a_plugin_trains_and_answers_where_only_msgspec_is_installed(tmp_path):
    (tmp_path / "plugin.py").write_text(PLUGIN)
    code = f"""
import json, subprocess, sys
{TRY}
from plugin_sdk.runner import __main__ as runner
sys.exit(runner.main(['--entry', 'plugin:Mean', '--folder', {str(tmp_path)!r}]))
"""
    point = {"timestamp": 1, "requestType": "resource", "resourceUsage": {}, "duration": 4.0, "success": True}
    peer = {"name": "x", "version": "1.0.0"}
    hello = {
        "protocol": {"min": 1, "max": 1},
        "host": peer,
        "plugin": peer,
        "instance": "i",
        "epoch": 1,
        "handles": ["ml-driven"],
        "config": {},
        "limits": {"frameBytes": 1 << 20, "inFlight": 4, "memoryBytes": 1 << 29, "callTimeoutMs": 1000},
        "seed": 1,
    }
    import msgspec

    asked = [("initialize", hello), ("train", {"points": [point] * 10}), ("predict", {"input": {"a": 1}})]
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with child:
        answers = []
        for number, (method, params) in enumerate([*asked, ("shutdown", {})], 1):
            message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            child.stdin.write(msgspec.json.encode(message) + b"\n")
            child.stdin.flush()
            line = child.stdout.readline()
            assert line, child.stderr.read().decode()
            answers.append(msgspec.json.decode(line))
        child.stdin.close()
        assert child.wait(20) == 0
    assert [each["id"] for each in answers] == [1, 2, 3, 4]
    assert answers[1]["result"]["trained"] is True, answers[1]
    assert answers[2]["result"]["prediction"] == 4.0
