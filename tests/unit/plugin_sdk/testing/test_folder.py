from __future__ import annotations

import sys
from pathlib import Path

import pytest

from plugin_sdk.contract.manifest import ManifestError
from plugin_sdk.testing import load_folder


def write(folder: Path, start: str, **modules: str) -> Path:
    folder.mkdir()
    manifest = f'[plugin]\nname = "a"\nversion = "1.0.0"\ndescription = "x"\nhandles = ["ml-driven"]\n{start}\nprotocol = 1\n'
    (folder / "plugin.toml").write_text(manifest)
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def test_folders_with_modules_of_one_name_do_not_see_each_other(tmp_path: Path) -> None:
    entry = 'entry = "plugin:made"'
    folders = [
        write(tmp_path / name, entry, plugin="from beside import made", beside=f"made = {name!r}")
        for name in "xy"
    ]
    path = list(sys.path)
    assert [load_folder(folder) for folder in folders] == ["x", "y"]
    assert "beside" not in sys.modules and "plugin" not in sys.modules
    assert sys.path == path


def test_a_module_that_was_there_before_is_there_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = type(sys)("beside")
    monkeypatch.setitem(sys.modules, "beside", mine)
    folder = write(
        tmp_path / "x", 'entry = "plugin:made"', plugin="from beside import made", beside="made = 1"
    )
    assert load_folder(folder) == 1
    assert sys.modules["beside"] is mine


def test_an_import_that_fails_comes_out_as_it_is_and_leaves_nothing(tmp_path: Path) -> None:
    folder = write(tmp_path / "x", 'entry = "plugin:made"', plugin="raise RuntimeError('no')")
    path = list(sys.path)
    with pytest.raises(RuntimeError, match="no"):
        load_folder(folder)
    assert sys.path == path
    assert not [name for name in sys.modules if name == "plugin" or name.endswith(".x.plugin")]


def test_a_plugin_with_a_command_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="started by a command"):
        load_folder(write(tmp_path / "x", 'command = ["./run"]'))


def test_an_entry_in_a_module_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="plugon"):
        load_folder(write(tmp_path / "x", 'entry = "plugon:made"', plugin=""))


def test_a_bad_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="handle"):
        load_folder(write(tmp_path / "x", 'entry = "plugin:made"\nhandle = []', plugin="made = 1"))
