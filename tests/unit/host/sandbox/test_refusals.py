"""Plugins that are not started at all."""

from __future__ import annotations

import os
import stat

import pytest

from host.sandbox.machine import Machine
from host.sandbox.policy import SandboxPolicy
from host.sandbox.refusals import RefusedError, check
from plugin_sdk.contract.manifest import Manifest

ALONE = Machine("user", landlock_abi=7, seccomp=True, why={"cgroup": "none may be written to"})
AS_NOBODY = Machine("user", 65534, 65534, as_root=True, drops_ids=True, landlock_abi=7, seccomp=True)
STRICT, LENIENT = SandboxPolicy(), SandboxPolicy(isolation="best-effort")
ENTRY = Manifest("a", "1.0.0", ("resource",), entry="plugin:P")


def command(*argv):
    return Manifest("a", "1.0.0", ("resource",), command=argv)


@pytest.fixture
def folder(tmp_path):
    tmp_path.chmod(0o755)
    return tmp_path


def written(folder, text, mode=0o755):
    (folder / "run").write_text(text)
    (folder / "run").chmod(mode)


@pytest.mark.parametrize("argv", [("sh", "x.sh"), ("/bin/bash", "-c", "x"), ("./run",)])
def test_what_a_shell_runs_needs_a_group_to_hold_the_memory_of_its_children(folder, argv):
    written(folder, "#!/usr/bin/env bash\nexit\n")
    with pytest.raises(RefusedError, match=r"run by a shell.*none may be written to"):
        check(STRICT, ALONE, command(*argv), folder)
    check(LENIENT, ALONE, command(*argv), folder)
    with_group = Machine("user", landlock_abi=7, seccomp=True, group="cgroup v2: memory")
    check(STRICT, with_group, command(*argv), folder)


@pytest.mark.parametrize("text", ["", "#!", "#!/usr/bin/python3\n# sh\n", "\x7fELF sh", "#!/usr/bin/env\nsh"])
def test_what_no_shell_runs_needs_none(folder, text):
    written(folder, text)
    check(STRICT, ALONE, command("./run"), folder)


@pytest.mark.parametrize("name", ["absent", "a\0b", "run", "x" * 5000])
def test_a_command_that_is_no_file_is_looked_at_without_waiting_and_without_a_stumble(folder, name):
    os.mkfifo(folder / "run")
    check(STRICT, ALONE, command(name), folder)


@pytest.mark.parametrize("closed", [".", "run", "deep"])
def test_a_folder_that_nobody_may_read_is_refused_with_the_remedy(folder, closed):
    written(folder, "")
    (folder / "deep").mkdir(mode=0o755)
    check(STRICT, AS_NOBODY, ENTRY, folder)
    (folder / closed).chmod(0o700 if (folder / closed).is_dir() else 0o600)
    with pytest.raises(RefusedError, match=r"closed to others \(mode 0.00\).*chmod -R o\+rX"):
        check(STRICT, AS_NOBODY, ENTRY, folder)
    check(STRICT, ALONE, ENTRY, folder)
    assert not stat.S_IMODE((folder / closed).stat().st_mode) & stat.S_IRWXO


def test_a_folder_that_has_gone_or_has_links_to_nowhere_is_no_matter_of_rights(folder):
    (folder / "link").symlink_to("nowhere")
    check(STRICT, AS_NOBODY, ENTRY, folder)
    check(STRICT, AS_NOBODY, ENTRY, folder / "gone")
