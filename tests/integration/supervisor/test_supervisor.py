"""A directory of plugins: found, refused, changed and removed while the host runs."""

from __future__ import annotations

import os
import shutil

import psutil
import pytest

from host.errors import ConfigError, NotFoundError

ECHO = """
class Plugin:
    def predict(self, input):
        return "one"
"""


async def test_a_missing_directory_is_one_clear_error(start_rig, tmp_path):
    with pytest.raises(ConfigError, match="nowhere cannot be read"):
        async with start_rig(tmp_path / "nowhere"):
            pass


async def test_a_folder_that_is_dropped_in_is_started(folders, start_rig, eventually):
    async with start_rig(folders.directory) as rig:
        assert rig.registry.all() == []
        folders.write("late", ECHO)
        await eventually(lambda: [e.name for e in rig.registry.ready()] == ["late"])
        assert (await rig.ask("late", "predict", {"input": 1}))["prediction"] == "one"


async def test_a_folder_that_is_removed_is_stopped(folders, start_rig, eventually):
    folder = folders.write("gone", ECHO)
    async with start_rig(folders.directory) as rig:
        pid = rig.view("gone").pid
        shutil.rmtree(folder)
        await eventually(lambda: rig.registry.all() == [])
        assert not psutil.pid_exists(pid)
        with pytest.raises(NotFoundError):
            rig.registry.get("gone")


async def test_a_folder_that_changes_is_loaded_anew(folders, start_rig, eventually):
    folder = folders.write("changing", ECHO)
    async with start_rig(folders.directory) as rig:
        pid = rig.view("changing").pid
        (folder / "plugin.py").write_text(ECHO.replace("one", "two"))
        await eventually(
            lambda: (
                rig.registry.ready() != []
                and rig.registry.ready()[0].keeper is not None
                and rig.view("changing").pid not in (None, pid)
            )
        )
        assert (await rig.ask("changing", "predict", {"input": 1}))["prediction"] == "two"


async def test_a_manifest_that_breaks_leaves_the_running_version_serving(folders, start_rig, eventually):
    folder = folders.write("steady", ECHO)
    async with start_rig(folders.directory) as rig:
        pid = rig.view("steady").pid
        (folder / "plugin.toml").write_text("[plugin]\nname = 5\n")
        await eventually(lambda: len(rig.supervisor.refused) == 1)
        assert "plugin.name is 5" in rig.supervisor.refused[0].why
        assert rig.view("steady").pid == pid
        assert (await rig.ask("steady", "predict", {"input": 1}))["prediction"] == "one"


async def test_bad_folders_are_refused_with_a_reason_and_the_good_ones_start(folders, start_rig, tmp_path):
    folders.write("good", ECHO)
    bad = folders.directory
    (bad / "typo").mkdir()
    (bad / "typo" / "plugin.toml").write_text(
        '[plugin]\nname = "typo"\nversion = "1.0.0"\nhandels = ["resource"]\n'
    )
    (bad / "twin").mkdir()
    (bad / "twin" / "plugin.toml").write_text((bad / "good" / "plugin.toml").read_text())
    (bad / "fifo").mkdir()
    os.mkfifo(bad / "fifo" / "plugin.toml")
    (bad / "huge").mkdir()
    (bad / "huge" / "plugin.toml").write_bytes(b"#" * (1 << 20))
    (bad / "deep").mkdir()
    (bad / "deep" / "plugin.toml").write_text("a = " + "[" * 20_000 + "]" * 20_000)
    (bad / "link").symlink_to(bad / "good")
    (bad / "empty").mkdir()
    (bad / "file").write_text("not a folder")
    (bad / "linked-manifest").mkdir()
    (bad / "linked-manifest" / "plugin.toml").symlink_to(bad / "good" / "plugin.toml")
    async with start_rig(folders.directory) as rig:
        assert [entry.name for entry in rig.registry.ready()] == ["good"]
        reasons = {each.folder.name: each.why for each in rig.supervisor.refused}
        assert set(reasons) == {"typo", "twin", "fifo", "huge", "deep", "link", "linked-manifest"}
        assert "did you mean 'handles'?" in reasons["typo"]
        assert "plugin.toml:4" in reasons["typo"]
        assert "taken by the folder 'good'" in reasons["twin"]
        assert "regular file" in reasons["fifo"]
        assert "symbolic link" in reasons["link"]


async def test_plugins_own_environment_is_all_it_sees(folders, start_rig, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_HOST", "hidden")
    code = """
    import os
    class Plugin:
        def predict(self, input):
            return {"env": sorted(os.environ), "fds": sorted(int(n) for n in os.listdir("/proc/self/fd"))}
    """
    folders.write("nosy", code)
    async with start_rig(folders.directory) as rig:
        seen = (await rig.ask("nosy", "predict", {"input": 1}))["prediction"]
        assert "SECRET_OF_THE_HOST" not in seen["env"]
        assert set(seen["env"]) <= {
            "PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS",
            "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "LOKY_MAX_CPU_COUNT",
        }  # fmt: skip
        assert len(seen["fds"]) < 12


async def test_a_command_plugin_in_shell_needs_no_sdk(folders, start_rig):
    script = r"""#!/bin/sh
while IFS= read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  case "$line" in
    *'"method":"initialize"'*) r='{"protocol":1,"plugin":{"name":"sh","version":"1.0.0"},"capabilities":{"predict":{}}}' ;;
    *'"method":"predict"'*) r='{"prediction":42}' ;;
    *) r='{}' ;;
  esac
  printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$r"
  case "$line" in *'"method":"shutdown"'*) exit 0 ;; esac
done
"""
    folder = folders.write("shell", manifest='command = ["sh", "plugin.sh"]\n')
    (folder / "plugin.sh").write_text(script)
    async with start_rig(folders.directory) as rig:
        assert rig.state("shell") == "ready", rig.view("shell").story
        assert (await rig.ask("shell", "predict", {"input": 1}))["prediction"] == 42


async def test_a_command_that_is_not_there_is_said_and_the_host_goes_on(folders, start_rig, eventually):
    folders.write("absent", manifest='command = ["no-such-program-anywhere"]\n')
    folders.write("good", ECHO)
    async with start_rig(folders.directory) as rig:
        await eventually(lambda: rig.state("absent") == "quarantined")
        assert any("no-such-program-anywhere" in line for line in rig.registry.get("absent").keeper.logs(50))
        assert rig.state("good") == "ready"
