"""Environments of their own for plugins with packages of their own: real ones, without a network."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from host.clock import SystemClock
from host.sandbox.environments.installers import EnvironmentPolicy
from host.sandbox.environments.store import EnvironmentStore
from host.sandbox.sandbox import RefusedError

from .wheelmaking import make_source, make_wheel

CODE = {"tool/__init__.py": "WHAT = 'a tool of its own'\n"}
# ruff: noqa: ASYNC221 - nothing else is on these tests' loop
RUNS = "import sys; sys.path.append(sys.argv[1]); import tool, plugin_sdk, msgspec; print(tool.WHAT, tool.__file__)"


@pytest.fixture(params=["pip", "uv"])
async def open_store(request, tmp_path):
    """`open_store(find_links=...)`; all are closed afterwards. Once by pip, once by uv, where that is installed."""
    opened = []
    # The tests' own environment has one, which need not be on the PATH.
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if request.param == "uv" and uv is None:
        pytest.skip("NOT TESTED WITH UV: it is not installed")

    def open_one(**policy) -> EnvironmentStore:
        finder = {"find_uv": lambda: uv if request.param == "uv" else None}
        # An index that is nowhere: what is not found without a network is not found.
        asked = EnvironmentPolicy(**{"index_url": (tmp_path / "no-index").as_uri(), **policy})
        store = EnvironmentStore(tmp_path / "environments", SystemClock(), asked, **finder)
        opened.append(store)
        return store

    yield open_one
    for store in opened:
        await store.aclose()


@pytest.fixture(autouse=True)
def _log_all(caplog):
    caplog.set_level("INFO")  # as a host does: a line that cannot be logged is an error


@pytest.fixture
def wheels(tmp_path):
    folder = tmp_path / "wheels"
    make_wheel(folder, "tool", files=CODE)
    return folder


def names(tmp_path):
    folder = tmp_path / "environments"
    return sorted(each.name for each in folder.iterdir() if each.name != ".cache") if folder.exists() else []


def run(interpreter) -> str:
    """Imports the tool and the SDK with that interpreter, from somewhere else."""
    argv = [interpreter.executable, "-I", "-B", "-c", RUNS, str(Path(interpreter.sdk).parent)]
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60, cwd="/").stdout


async def test_a_package_by_name_is_installed_beside_the_sdk_and_compiled(open_store, wheels, tmp_path):
    found = await open_store(find_links=str(wheels)).interpreter(("tool>=1",), tmp_path)
    assert run(found).startswith("a tool of its own ")
    (name,) = names(tmp_path)
    compiled = list((tmp_path / "environments" / name).rglob("tool/__pycache__/*.pyc"))
    assert len(compiled) == 1
    assert str(tmp_path / "environments" / name).encode() in compiled[0].read_bytes(), (
        "it names its final place"
    )


async def test_nothing_of_the_hosts_own_packages_is_in_it(open_store, wheels, tmp_path):
    found = await open_store(find_links=str(wheels)).interpreter(("tool",), tmp_path)
    argv = [
        found.executable,
        "-I",
        "-c",
        "import importlib.util as u; print(u.find_spec('host'), u.find_spec('click'))",
    ]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, cwd="/")
    assert done.stdout.split() == ["None", "None"]


async def test_equal_requirements_share_one_environment_that_is_built_once(open_store, wheels, tmp_path):
    store = open_store(find_links=str(wheels))
    asked = [("tool >= 1", "Tool"), ("tool", "tool>=1"), ("tool>=1", "tool")]
    found = await asyncio.gather(*(store.interpreter(each, tmp_path) for each in asked))
    assert len({each.executable for each in found}) == 1
    assert len(names(tmp_path)) == 1


async def test_a_second_host_finds_it_there_without_an_installer(open_store, wheels, tmp_path):
    first = await open_store(find_links=str(wheels)).interpreter(("tool",), tmp_path)
    for each in wheels.iterdir():
        each.unlink()
    assert await open_store().interpreter(("tool",), tmp_path) == first


async def test_other_requirements_are_another_environment(open_store, wheels, tmp_path):
    make_wheel(wheels, "tool", "2.0", files={"tool/__init__.py": "WHAT = 'the second'\n"})
    store = open_store(find_links=str(wheels))
    one = await store.interpreter(("tool<2",), tmp_path)
    two = await store.interpreter(("tool>=2",), tmp_path)
    assert run(one).startswith("a tool of its own")
    assert run(two).startswith("the second")


async def test_a_wheel_in_the_plugins_folder_is_installed_and_known_by_its_contents(open_store, tmp_path):
    store = open_store()
    for number, what in enumerate(("one", "two")):
        plugin = tmp_path / f"plugin-{number}"
        make_wheel(plugin, "tool", files={"tool/__init__.py": f"WHAT = {what!r}\n"})
        found = await store.interpreter(("tool @ file:tool-1.0-py3-none-any.whl",), plugin)
        assert run(found).startswith(what)
    assert len(names(tmp_path)) == 2


async def test_a_package_that_is_not_there_is_refused_with_what_why_and_a_remedy(
    open_store, wheels, tmp_path
):
    with pytest.raises(RefusedError) as found:
        await open_store(find_links=str(wheels)).interpreter(("no-such-tool",), tmp_path)
    said = str(found.value)
    assert "no-such-tool" in said
    assert str(wheels) in said
    assert "[dependencies]" in said
    assert "[environments]" in said
    assert names(tmp_path) == [], "nothing is left of a build that failed"


async def test_a_source_archive_is_not_built_whatever_offers_it(open_store, tmp_path):
    mark = tmp_path / "the-build-ran"
    source = make_source(tmp_path / "source" / "evil-1.0", mark)
    (source / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (tmp_path / "wheels").mkdir()
    with tarfile.open(tmp_path / "wheels" / "evil-1.0.tar.gz", "w:gz") as archive:
        archive.add(source, "evil-1.0")
    with pytest.raises(RefusedError):
        await open_store(find_links=str(tmp_path / "wheels")).interpreter(("evil",), tmp_path)
    assert not mark.exists()
    # The control: an installer that may build runs the author's code, on the host, outside of any sandbox.
    argv = [sys.executable, "-I", "-m", "pip", "install", "--quiet", "--no-index", "--no-build-isolation"]
    subprocess.run(
        [*argv, "--target", str(tmp_path / "control"), str(source)], capture_output=True, timeout=120
    )
    assert mark.exists()


async def test_a_wheel_that_asks_for_a_folder_is_refused_before_an_installer_sees_it(open_store, tmp_path):
    mark = tmp_path / "the-build-ran"
    source = make_source(tmp_path / "source", mark)
    plugin = tmp_path / "plugin"
    wheel = make_wheel(plugin, "tool", files=CODE, requires=[f"evil @ {source.as_uri()}"])
    with pytest.raises(RefusedError, match="only packages by name"):
        await open_store().interpreter((wheel.name,), plugin)
    assert not mark.exists()


async def test_code_that_runs_at_an_interpreters_start_does_not_run_while_it_is_made(open_store, tmp_path):
    mark = tmp_path / "the-pth-ran"
    plugin = tmp_path / "plugin"
    files = {**CODE, "tool.pth": f"import os; open({str(mark)!r}, 'w').close()\n"}
    wheel = make_wheel(plugin, "tool", files=files)
    found = await open_store().interpreter((wheel.name,), plugin)
    assert not mark.exists()
    run(found)
    assert mark.exists(), "the control: it does run when the interpreter does, which is in the sandbox"


async def test_a_build_that_takes_too_long_is_ended(open_store, tmp_path):
    """The index lets itself be connected to and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as index:
        url = f"http://127.0.0.1:{index.getsockname()[1]}/simple"
        store = open_store(index_url=url, build_timeout_s=0.5)
        with pytest.raises(RefusedError, match="did not end within"):
            await store.interpreter(("tool",), tmp_path)
    assert names(tmp_path) == []


async def test_closing_ends_a_build_and_leaves_nothing_of_it(open_store, wheels, tmp_path, eventually):
    store = open_store(find_links=str(wheels))
    waiting = asyncio.ensure_future(store.interpreter(("tool",), tmp_path))
    await eventually(lambda: names(tmp_path) != [])
    await store.aclose()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert names(tmp_path) == []


async def test_what_a_dead_host_left_half_made_is_cleared_away_but_not_what_another_builds(
    open_store, wheels, tmp_path
):
    left = tmp_path / "environments" / ".building-left"
    (left / "environment").mkdir(parents=True)
    busy = tmp_path / "environments" / ".building-busy"
    busy.mkdir()
    import fcntl

    lock = os.open(busy, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        await open_store(find_links=str(wheels)).interpreter(("tool",), tmp_path)
        assert not left.exists()
        assert busy.exists()
    finally:
        os.close(lock)


async def test_a_file_that_is_no_wheel_is_refused(open_store, tmp_path):
    plugin = tmp_path / "plugin"
    plugin.mkdir()
    (plugin / "tool-1.0-py3-none-any.whl").write_text("no")
    with pytest.raises(RefusedError, match="is no wheel"):
        await open_store().interpreter(("tool-1.0-py3-none-any.whl",), plugin)


def test_the_wheels_of_these_tests_are_whole(tmp_path):
    assert zipfile.ZipFile(make_wheel(tmp_path, "tool", files=CODE)).testzip() is None
