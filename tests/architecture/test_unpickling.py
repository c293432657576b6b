"""The host reads what plugins saved as bytes: nothing of it can turn bytes into objects that run."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HOST = Path(__file__).resolve().parents[2] / "host"
THAT_RUN = {
    "pickle",
    "_pickle",
    "cloudpickle",
    "dill",
    "joblib",
    "jsonpickle",
    "marshal",
    "shelve",
    "skops",
    "yaml",
}


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").partition(".")[0])
    return found


def test_no_module_of_the_host_imports_what_unpickles() -> None:
    modules = list(HOST.rglob("*.py"))
    assert len(modules) > 100
    assert {str(path): found for path in modules if (found := imports_of(path) & THAT_RUN)} == {}


def test_nor_lets_numpy_do_it() -> None:
    allowing = re.compile(r"allow_pickle\s*=\s*(?!False\b)")
    assert [str(path) for path in HOST.rglob("*.py") if allowing.search(path.read_text())] == []


def test_the_looking_finds_an_import_wherever_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("def f():\n    from skops.io import loads\n    import os.path, pickle as p\n")
    assert imports_of(path) & THAT_RUN == {"skops", "pickle"}
