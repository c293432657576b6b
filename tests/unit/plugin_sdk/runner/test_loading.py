from __future__ import annotations

import sys
from pathlib import Path

import pytest

from plugin_sdk.failures import EntryError
from plugin_sdk.runner.loading import load_entry


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    return tmp_path


def write(folder: Path, text: str, name: str = "authors_plugin") -> None:
    (folder / f"{name}.py").write_text(text)


def test_the_folder_comes_first_on_the_path(folder: Path) -> None:
    write(folder, "class P:\n    class Inner:\n        def predict(self, x): return x")
    assert load_entry("authors_plugin:P.Inner", folder).make("n", {}).predict(3) == 3
    assert sys.path[0] == str(folder)


@pytest.mark.parametrize("entry", ["plugin", "plugin:", ":P", ""])
def test_an_entry_of_another_form_is_refused(folder: Path, entry: str) -> None:
    with pytest.raises(EntryError, match="give module:attribute, such as plugin:MyModel"):
        load_entry(entry, folder)


def test_a_missing_module_names_those_there_are(folder: Path) -> None:
    write(folder, "")
    with pytest.raises(EntryError, match=r"no module 'author_plugin' in .*; it has authors_plugin"):
        load_entry("author_plugin:P", folder)


def test_a_missing_attribute_names_the_nearest(folder: Path) -> None:
    write(folder, "class RuntimeForest:\n    def predict(self, x): ...")
    with pytest.raises(EntryError, match=r"has no 'RuntimForest'; did you mean RuntimeForest\?"):
        load_entry("authors_plugin:RuntimForest", folder)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("x = 1\nimport not_there_at_all", r"authors_plugin.py, line 2: ModuleNotFoundError"),
        ("x = 1\n\n1 / 0", "authors_plugin.py, line 3: ZeroDivisionError"),
        ("def f(:\n", "authors_plugin.py, line 1: SyntaxError"),
        ("import sys\nsys.exit(3)", "authors_plugin.py, line 2: SystemExit: 3"),
    ],
)
def test_a_module_that_does_not_import_says_where_and_why(folder: Path, text: str, where: str) -> None:
    write(folder, text)
    with pytest.raises(EntryError, match=f"authors_plugin does not import: {where}") as caught:
        load_entry("authors_plugin:P", folder)
    assert caught.value.cause is not None
