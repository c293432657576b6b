from __future__ import annotations

import hashlib
import os
import tarfile
from pathlib import Path

import pytest

from host.errors import ConfigError
from host.supervisor.folder import FoundPlugin, look
from host.workbench.new import make_plugin
from host.workbench.pack import HASHES, pack
from plugin_sdk.contract.manifest import Manifest, parse_manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_plugin(tmp_path / "my-first", "command")
    return tmp_path / "my-first"


def manifest_of(folder: Path) -> Manifest:
    return parse_manifest((folder / "plugin.toml").read_bytes())


def test_the_same_files_make_the_same_bundle_whenever_and_wherever(tmp_path: Path, folder: Path):
    first = pack(manifest_of(folder), folder, tmp_path / "one")
    other = tmp_path / "elsewhere"
    folder.rename(other)
    for number, path in enumerate(sorted(other.rglob("*"), reverse=True)):
        os.utime(path, (number, number))
    (other / "__pycache__").mkdir()
    (other / "__pycache__" / "plugin.pyc").write_bytes(b"x")
    second = pack(manifest_of(other), other, tmp_path / "two")
    assert Path(first.path).read_bytes() == Path(second.path).read_bytes()
    assert first.sha256 == hashlib.sha256(Path(first.path).read_bytes()).hexdigest()


def test_what_is_unpacked_is_a_plugin_and_has_the_hashes_that_were_listed(tmp_path: Path, folder: Path):
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o700)
    bundle = pack(manifest_of(folder), folder, tmp_path)
    assert Path(bundle.path).name == "my-first-0.1.0.tar.gz"
    with tarfile.open(bundle.path) as archive:
        archive.extractall(tmp_path / "plugins", filter="data")
    unpacked = tmp_path / "plugins" / "my-first"
    assert isinstance(look(unpacked), FoundPlugin)
    listed = dict(reversed(line.split("  ")) for line in (unpacked / HASHES).read_text().splitlines())
    assert listed == bundle.files
    for name, digest in listed.items():
        assert hashlib.sha256((unpacked / name).read_bytes()).hexdigest() == digest
    assert os.access(unpacked / "run.sh", os.X_OK)
    assert pack(manifest_of(unpacked), unpacked, tmp_path / "again").sha256 == bundle.sha256


def test_a_change_of_one_byte_changes_its_hash_alone(tmp_path: Path, folder: Path):
    before = pack(manifest_of(folder), folder, tmp_path).files
    with (folder / "README.md").open("a") as file:
        file.write("!")
    after = pack(manifest_of(folder), folder, tmp_path).files
    assert {name for name in before if before[name] != after[name]} == {"README.md"}


def test_a_link_is_refused(tmp_path: Path, folder: Path):
    (folder / "secret").symlink_to("/etc/passwd")
    with pytest.raises(ConfigError, match="secret is no regular file"):
        pack(manifest_of(folder), folder, tmp_path)


def test_a_linked_folder_is_refused(tmp_path: Path, folder: Path):
    (folder / "library").symlink_to("/etc")
    with pytest.raises(ConfigError, match="library is no regular file"):
        pack(manifest_of(folder), folder, tmp_path)
