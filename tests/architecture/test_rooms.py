"""How rooms and modules look from outside."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("host", "plugin_sdk")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
DOORS = [path for path in MODULES if path.name == "__init__.py"]
LONGEST = 400  # lines; past it a second idea has moved in


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tracked() -> list[Path]:
    """Every text file of the repository as it would be committed now, ignored ones left out."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip("NOT A GIT CHECKOUT: which files belong to the repository cannot be told")
    paths = (ROOT / name for name in done.stdout.decode().split("\0") if name)
    return [path for path in paths if path.is_file()]


@pytest.mark.parametrize("door", DOORS, ids=name_of)
def test_every_room_has_a_sign_on_its_door(door):
    sign = ast.get_docstring(ast.parse(door.read_text())) or ""
    first, *rest = sign.splitlines()
    assert first.endswith((".", ":")), "the first line says what the room is for"
    assert len(first) <= 120
    if len(list(door.parent.glob("*.py"))) > 2:
        found = re.search(r"Start reading\s+at:?\s+`?(\w+(?:\.py)?)", " ".join(rest))
        assert found, "a newcomer is told where to start reading"
        place = door.parent / found.group(1)
        assert place.exists() or place.with_suffix(".py").exists(), f"{found.group(1)} is not there"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_of_modules_is_a_room(package):
    folders = {path.parent for path in (ROOT / package).rglob("*.py")}
    without = {name_of(each) for each in folders if not (each / "__init__.py").exists()}
    # The demo's bad plugin is a plugin's folder, not a room: it is copied out and run by the runner.
    assert without <= {"host/demo/saboteur"}


def test_no_module_has_let_a_second_idea_move_in():
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in MODULES}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


def test_no_module_is_a_drawer_for_odds_and_ends():
    odd = {"utils", "util", "common", "helpers", "helper", "misc"}
    assert [name_of(path) for path in MODULES if odd & {path.stem, path.parent.name}] == []


def test_every_module_says_what_it_is():
    assert [name_of(path) for path in MODULES if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_nothing_in_the_repository_names_a_path_of_the_machine_it_was_built_on():
    # Written in two parts, or this file would find itself.
    patterns = re.compile(
        "|".join(["/wor" + "k/", r"\.\./shar" + "ed", "/home/[a-z]+/", "/tmp/bash_" + "jobs"])
    )
    found = []
    for path in tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [
            f"{name_of(path)}:{number}: {line.strip()[:100]}"
            for number, line in enumerate(text.splitlines(), 1)
            if patterns.search(line)
            and "ENGINE_OPS_REFDATA" not in line  # where the reference data are looked for
        ]
    assert found == []
