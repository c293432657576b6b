"""What lies in the plugins directory, whatever that is."""

from __future__ import annotations

import os
import shutil

import pytest

from host.errors import ConfigError
from host.supervisor.folder import FoundPlugin, RefusedFolder, look, scan
from host.supervisor.tree import survey


def why(refused):
    return {each.folder.name: each.why for each in refused}


def test_an_empty_directory_has_no_plugins_and_a_missing_one_is_an_error(folders):
    assert scan(folders.directory) == ([], [])
    with pytest.raises(ConfigError, match=r"absent cannot be read \(No such file.*--plugins"):
        scan(folders.directory / "absent")
    (folders.directory / "file").write_text("")
    with pytest.raises(ConfigError, match="Not a directory"):
        scan(folders.directory / "file")


def test_hidden_folders_files_and_folders_without_a_manifest_are_passed_over(folders):
    folders.write("good", "")
    (folders.directory / ".git").mkdir()
    (folders.directory / "__pycache__").mkdir()
    (folders.directory / "notes.txt").write_text("x")
    (folders.directory / "half-copied").mkdir()
    found, refused = scan(folders.directory)
    assert [plugin.manifest.name for plugin in found] == ["good"]
    assert refused == []


def test_of_two_folders_with_one_name_the_first_has_it(folders):
    folders.write("b", "")
    shutil.copytree(folders.directory / "b", folders.directory / "a")
    found, refused = scan(folders.directory)
    assert [plugin.folder.name for plugin in found] == ["a"]
    assert "name 'b' is taken by the folder 'a'" in why(refused)["b"]


def test_a_manifest_that_is_a_folder_is_refused_and_costs_no_descriptor(folders):
    (folders.directory / "odd" / "plugin.toml").mkdir(parents=True)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        refused = look(folders.directory / "odd")
    assert isinstance(refused, RefusedFolder)
    assert "it is not a regular file" in refused.why
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.fault("folder-special")
def test_a_fifo_and_a_device_do_not_hold_the_scan_up(folders):
    (folders.directory / "fifo").mkdir()
    os.mkfifo(folders.directory / "fifo" / "plugin.toml")
    assert "not a regular file" in look(folders.directory / "fifo").why


@pytest.mark.fault("folder-linked")
def test_links_are_not_followed(folders):
    good = folders.write("good", "")
    (folders.directory / "link").symlink_to(good)
    (folders.directory / "dangling").symlink_to(folders.directory / "nothing")
    (folders.directory / "inner").mkdir()
    (folders.directory / "inner" / "plugin.toml").symlink_to(good / "plugin.toml")
    found, refused = scan(folders.directory)
    assert [plugin.manifest.name for plugin in found] == ["good"]
    assert set(why(refused)) == {"link", "inner", "dangling"}


def test_a_name_that_is_no_text_is_refused_under_a_name_that_can_be_shown(folders):
    (folders.directory / os.fsdecode(b"caf\xe9")).mkdir()
    folders.write("good", "")
    found, refused = scan(folders.directory)
    assert [plugin.manifest.name for plugin in found] == ["good"]
    assert why(refused) == {"caf\ufffd": "its name is not UTF-8; give it another"}


@pytest.mark.parametrize(
    "line",
    [
        "priority = " + "9" * 5000,
        "priority = 0x" + "f" * 5000,
        "x = " + "[" * 3000,
        "a." * 2000 + "b = 1",
        '[limits]\nmemory = "' + "9" * 400 + 'GB"',
        "[config]\nx = 0x" + "f" * 5000,
        "\0",
        "[plugin]",
    ],
    ids=["digits", "hex", "deep", "dotted", "infinite", "config", "nul", "twice"],
)
@pytest.mark.fault("folder-hostile-manifest")
def test_no_manifest_however_hostile_disturbs_the_others(folders, line):
    folders.write("good", "")
    folders.write("hostile", "", manifest=line)
    found, refused = scan(folders.directory)
    assert [plugin.manifest.name for plugin in found] == ["good"]
    assert set(why(refused)) == {"hostile"}
    assert len(why(refused)["hostile"]) < 600


def test_a_fingerprint_changes_with_whatever_is_done_to_a_file(folders):
    folder = folders.write("a", "one")
    seen = [survey(folder).fingerprint]

    def changed():
        seen.append(survey(folder).fingerprint)
        return seen[-1] not in seen[:-1]

    assert not changed()
    times = (folder / "plugin.py").stat()
    (folder / "plugin.py").write_text("two")
    os.utime(folder / "plugin.py", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert changed(), "the same size and the same mtime, as an archive writes them"
    (folder / "sub").mkdir()
    assert changed()
    (folder / "sub" / "new").write_text("")
    assert changed()
    (folder / "sub" / "new").rename(folder / "sub" / "other")
    assert changed()
    (folder / "plugin.py").chmod(0o755)
    assert changed()
    (folder / "plugin.py").unlink()
    assert changed()


def test_what_python_and_editors_leave_behind_changes_no_fingerprint(folders):
    folder = folders.write("a", "one")
    before = look(folder)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "plugin.pyc").write_text("x")
    (folder / ".plugin.py.swp").write_text("x")
    assert isinstance(before, FoundPlugin)
    assert look(folder) == before


def test_a_plugin_is_equal_to_itself_though_its_config_has_a_nan(folders):
    folder = folders.write("a", "", manifest="[config]\nx = nan\n")
    assert isinstance(look(folder), FoundPlugin)
    assert look(folder) == look(folder)


@pytest.mark.parametrize(
    "name",
    [
        "ad\u0430pter",
        "\u202egnp.nigulp",
        "two\nlines",
        "x" * 255,
        "-rf",
        "$(reboot)",
        "a;b",
        "\u00e9",
        " lead",
    ],
)
@pytest.mark.fault("folder-name")
def test_a_name_that_can_be_mistaken_is_refused_and_shown_harmlessly(folders, name):
    folders.write("good", "")
    shutil.copytree(folders.directory / "good", folders.directory / name)
    found, refused = scan(folders.directory)
    assert [plugin.folder.name for plugin in found] == ["good"]
    ((shown, reason),) = why(refused).items()
    assert "characters that can be mistaken" in reason
    assert shown.isprintable()


def test_a_name_with_blanks_dots_and_capitals_is_fine(folders):
    folders.write("a", "").rename(folders.directory / "My Plugin_v1.2 (copy)")
    assert scan(folders.directory)[1] == []


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        (0o666, "anybody may write plugin.py"),
        (0o4755, "is setuid"),
        (0o2755, "setgid"),
        (0o000, "nobody may read"),
    ],
)
@pytest.mark.fault("folder-modes")
def test_a_file_that_others_could_misuse_is_a_reason_to_refuse(folders, mode, says):
    folder = folders.write("a", "")
    (folder / "plugin.py").chmod(mode)
    assert says in look(folder).why
    (folder / "plugin.py").chmod(0o644)
    assert isinstance(look(folder), FoundPlugin)
    (folder / "sub").mkdir()
    (folder / "sub").chmod(0o777)
    assert "anybody may write sub" in look(folder).why


def test_what_is_no_file_is_a_reason_to_refuse(folders):
    folder = folders.write("a", "")
    os.mkfifo(folder / "pipe")
    assert "pipe is a FIFO" in look(folder).why


@pytest.mark.parametrize(
    ("entry", "files", "good"),
    [
        ("plugin:P", [], False),
        ("plugin:P", ["plugin.py"], True),
        ("plugin:P", ["plugin/__init__.py"], True),
        ("plugin:P", ["plugin.cpython-311-x86_64-linux-gnu.so"], True),
        ("deep.inner:P", ["deep/__init__.py"], False),
        ("deep.inner:P", ["deep/inner.py"], True),
    ],
)
def test_a_folder_without_the_module_of_its_entry_is_not_whole(folders, entry, files, good):
    folder = folders.directory / "a"
    folder.mkdir()
    (folder / "plugin.toml").write_text(
        f'[plugin]\nname = "a"\nversion = "1.0.0"\nhandles = ["resource"]\nentry = "{entry}"\n'
    )
    for name in files:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("")
    seen = look(folder)
    assert isinstance(seen, FoundPlugin) == good
    if not good:
        assert "is not in the folder" in seen.why


@pytest.mark.fault("folder-huge-manifest")
def test_a_huge_manifest_is_refused_unread(folders):
    folder = folders.write("a", "")
    with (folder / "plugin.toml").open("r+b") as file:
        file.truncate(64 * 2**20)
    assert "give at most 65536" in look(folder).why


def test_a_link_to_itself_is_refused_and_holds_nothing_up(folders):
    (folders.directory / "loop").symlink_to("loop")
    _, refused = scan(folders.directory)
    assert "symbolic link" in why(refused)["loop"]
