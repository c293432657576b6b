"""The demo's plugins directory."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from host.demo.folder import SABOTEUR, prepare
from host.errors import ConfigError
from plugin_sdk.contract.manifest import parse_manifest


def test_folders_with_a_manifest_are_copied_and_the_saboteur_is_added(tmp_path: Path):
    for name in ("one", "two", "no_plugin"):
        (tmp_path / "samples" / name / "__pycache__").mkdir(parents=True)
        (tmp_path / "samples" / name / "plugin.py").write_text("")
    for name in ("one", "two"):
        (tmp_path / "samples" / name / "plugin.toml").write_text("")
        (tmp_path / "samples" / name / "test_it.py").write_text("")
    assert prepare(tmp_path / "samples", tmp_path / "into") == ["one", "two", SABOTEUR]
    assert sorted(each.name for each in (tmp_path / "into").iterdir()) == [SABOTEUR, "one", "two"]
    assert sorted(each.name for each in (tmp_path / "into" / "one").iterdir()) == ["plugin.py", "plugin.toml"]


def test_the_saboteurs_manifest_is_a_good_one_and_names_this_python(tmp_path: Path):
    (tmp_path / "samples" / "one").mkdir(parents=True)
    (tmp_path / "samples" / "one" / "plugin.toml").write_text("")
    prepare(tmp_path / "samples", tmp_path / "into")
    source = (tmp_path / "into" / SABOTEUR / "plugin.toml").read_bytes()
    manifest = parse_manifest(source, "plugin.toml")
    assert manifest.name == SABOTEUR
    assert manifest.command is not None
    assert manifest.command[0] == sys.executable


def test_a_folder_without_plugins_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"no folder with a plugin\.toml"):
        prepare(tmp_path, tmp_path / "into")
