from __future__ import annotations

import ast
from pathlib import Path

import pytest

from host.cli.author import TEMPLATES as OF_THE_COMMAND
from host.errors import ConfigError
from host.workbench.new import TEMPLATES, class_name, make_plugin
from plugin_sdk.contract.manifest import parse_manifest
from plugin_sdk.contract.manifest_schema import SCHEMA_FILE


def test_the_command_offers_every_template():
    assert OF_THE_COMMAND == TEMPLATES


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_new_folder_is_whole_and_small(tmp_path: Path, template: str):
    folder = tmp_path / "my-first"
    written = {str(path) for path in make_plugin(folder, template)}
    assert written == {
        "README.md",
        "plugin.toml",
        "plugin.py",
        "test_plugin.py",
        "question.json",
        SCHEMA_FILE,
        ".github/workflows/check.yml",
        *(["history.json"] if template == "model" else []),
    }
    manifest = (folder / "plugin.toml").read_text()
    assert manifest.startswith(f"#:schema ./{SCHEMA_FILE}\n")
    assert parse_manifest(manifest.encode()).name == "my-first"
    code = (folder / "plugin.py").read_text()
    assert len(code.splitlines()) <= 30
    ast.parse(code)
    texts = [(folder / path).read_text() for path in written]
    assert not any(f"@{word}@" in text for text in texts for word in ("NAME", "CLASS", "TEMPLATE"))


@pytest.mark.parametrize("name", ["My Plugin", "-x", "a_b", "ä", "x" * 64])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str):
    with pytest.raises(ConfigError, match="lower-case letters"):
        make_plugin(tmp_path / name, "model")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_written_over(tmp_path: Path):
    make_plugin(tmp_path / "a", "model")
    with pytest.raises(ConfigError, match="is there already"):
        make_plugin(tmp_path / "a", "scorer")


@pytest.mark.parametrize(("name", "meant"), [("my-first", "MyFirst"), ("7zip", "Plugin7zip"), ("a", "A")])
def test_the_class_has_the_plugins_name(name: str, meant: str):
    assert class_name(name) == meant
