"""The table of faults and the tests that try them are tied to each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.faults.table import FAULTS

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent


def marked() -> Iterator[tuple[str, str]]:
    """Every `@pytest.mark.fault("id")` on a test, with where it stands."""
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.fault":
                    assert node.name.startswith("test_"), f"{path}: {node.name} is no test"
                    (argument,) = decorator.args
                    yield ast.literal_eval(argument), f"{path.relative_to(ROOT)}::{node.name}"


def test_every_row_has_its_test_and_every_test_its_row():
    tried = {row for row, _ in marked()} | {each.id for each in FAULTS if each.peer}
    rows = {each.id for each in FAULTS}
    assert sorted(rows - tried) == [], "rows that nothing tries"
    assert sorted(tried - rows) == [], "tests of rows that there are not"


def test_the_rows_have_ids_of_their_own_and_say_everything():
    ids = [each.id for each in FAULTS]
    assert len(set(ids)) == len(ids)
    for each in FAULTS:
        assert all((each.fault, each.injection, each.promise, each.source)), each.id
        assert (ROOT / each.source).is_file(), f"{each.id} names {each.source}, which is not there"


def test_the_rows_with_a_peer_are_tried_by_the_peers_of_that_mode():
    text = (TESTS / "faults" / "test_misbehaving.py").read_text()
    assert [each.peer for each in FAULTS if each.peer and f'"{each.peer}":' not in text] == []
