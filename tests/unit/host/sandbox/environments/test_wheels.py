"""A wheel is looked into before an installer does."""

from __future__ import annotations

import zipfile

import pytest

from host.sandbox.environments.wheels import WheelError, check_wheel


def wheel(folder, metadata, name="tool-1.0.dist-info/METADATA"):
    path = folder / "tool-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for each in [metadata] if isinstance(metadata, str) else metadata:
            archive.writestr(name, f"Metadata-Version: 2.1\nName: tool\nVersion: 1.0\n{each}\n")
    return path


def test_requirements_by_name_are_fine(tmp_path):
    check_wheel(wheel(tmp_path, "Requires-Dist: numpy>=1; extra == 'x'\nHome-page: https://example.com/a@b"))


@pytest.mark.parametrize(
    "asked",
    [
        "Requires-Dist: evil @ file:///tmp/evil",
        "requires-dist: evil@https://example.com/evil.tar.gz",
        "Requires-Dist: evil\n  @ file:///tmp/evil",
        "Requires-Dist: numpy\nRequires-Dist: evil @ git+ssh://example.com/evil",
        "Requires-Dist: ../evil",
    ],
)
def test_a_wheel_that_asks_for_an_address_or_a_path_is_refused(tmp_path, asked):
    with pytest.raises(WheelError, match="only packages by name"):
        check_wheel(wheel(tmp_path, asked))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_every_metadata_is_looked_at_also_those_that_bear_the_same_name(tmp_path):
    with pytest.raises(WheelError, match="only packages by name"):
        check_wheel(wheel(tmp_path, ["Requires-Dist: evil @ file:///tmp/evil", "Requires-Dist: numpy"]))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"x" * 100])
def test_what_is_no_archive_is_no_wheel(tmp_path, content):
    path = tmp_path / "tool-1.0-py3-none-any.whl"
    path.write_bytes(content)
    with pytest.raises(WheelError, match="is no wheel"):
        check_wheel(path)


def test_an_archive_without_metadata_is_no_wheel(tmp_path):
    with pytest.raises(WheelError, match="no METADATA"):
        check_wheel(wheel(tmp_path, "", name="tool.py"))


def test_a_wheel_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("host.sandbox.environments.wheels.UNPACKED_BYTES", 10)
    with pytest.raises(WheelError, match="unpacks to more than 10 bytes"):
        check_wheel(wheel(tmp_path, ""))
