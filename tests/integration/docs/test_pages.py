"""What the pages tell a reader to do works when it is done, in their order, on a host of this machine."""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.docs.pages import DOCS, ROOT, Block, all_pages, blocks, name_of

ACTIVE = {"sh", "sh checkout", "python", "json rpc"}
PAGES = [page for page in all_pages() if any(block.kind in ACTIVE for block in blocks(page))]
# Reference pages that are written about a host with the README's plugin in its directory.
WITH_THE_READMES_PLUGIN = {DOCS / "reference" / "http.md", DOCS / "reference" / "cli.md"}
SETTLED = {"ready", "degraded", "stopped", "quarantined"}
BIN = Path(sys.executable).parent


class Reader:
    """Someone who does what a page says, in a folder of his own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url: str | None = None
        self._host: subprocess.Popen[str] | None = None
        self._said = ""

    def follow(self, block: Block) -> None:
        """Does one block; fails the test where it does not come out as the page says."""
        missing = [name for name in block.needs if importlib.util.find_spec(name) is None]
        if missing:
            pytest.skip(
                f"NO {', '.join(missing).upper()} here: {block.where} was not tried, nor what follows it"
            )
        if block.file is not None:
            self.write(block)
        elif block.kind == "sh" and block.text.strip().startswith("engine-ops serve"):
            self.serve(shlex.split(block.text))
        elif block.kind in ("sh", "sh checkout", "python"):
            self.run(block)
        elif block.kind == "json rpc":
            self.call(block)
        elif block.kind == "json answer":
            assert_same(json.loads(block.text), json.loads(self._said), block.where)

    def write(self, block: Block) -> None:
        """A file of the page."""
        assert block.file is not None
        path = self.folder / block.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)
        self.settle()

    def serve(self, argv: list[str]) -> None:
        """A host as the page starts it, but on a free port."""
        self.stop()
        assert len(argv) > 1 and argv[:2] == ["engine-ops", "serve"]
        errors = (self.folder / "host.log").open("w")
        with errors:
            self._host = subprocess.Popen(
                [str(BIN / "engine-ops"), *argv[1:], "--port", "0", "--json"],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        assert self._host.stdout is not None
        line = self._host.stdout.readline()
        assert line, f"the host did not start: {(self.folder / 'host.log').read_text()}"
        self.url = json.loads(line)["url"]
        self.settle()

    def settle(self) -> None:
        """Waits, as a reader does who is slower than the host, until every plugin of the page is up."""
        if self.url is None:
            return
        names = set()
        for path in (self.folder / "plugins").glob("*/plugin.toml"):
            if path.parent.joinpath("plugin.py").exists():
                names.add(tomllib.loads(path.read_text())["plugin"]["name"])
        until = time.monotonic() + 20.0
        while time.monotonic() < until:
            states = {each["name"]: each["state"] for each in self.rpc("plugins.list")["result"]["plugins"]}
            if names <= states.keys() and set(states.values()) <= SETTLED:
                return
            time.sleep(0.05)
        raise AssertionError(f"not all of {sorted(names)} came up: {states}")

    def run(self, block: Block) -> None:
        """A block of a shell's or of Python's."""
        if "curl " in block.text and not shutil.which("curl"):
            pytest.skip(f"NO CURL on this machine: {block.where} was not tried, nor what follows it")
        if block.kind == "python":
            command = [str(BIN / "python"), "-c", block.text]
        else:
            command = ["bash", "-euo", "pipefail", "-c", self.as_here(block.text)]
        done = subprocess.run(
            command,
            cwd=ROOT if block.kind == "sh checkout" else self.folder,
            env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{block.where} exited with {done.returncode}:\n{done.stderr}"
        self._said = done.stdout

    def as_here(self, script: str) -> str:
        """The script for a host that is not on the default port."""
        if self.url is None:
            return script
        alone = "|".join(f'"plugin {name}"' for name in ("new", "check", "bench", "pack", "dev"))
        asks = (
            f'engine-ops() {{ case "$1 ${{2:-}}" in {alone}) command engine-ops "$@";; '
            f'"call "*|"plugin "*|"workload "*) command engine-ops "$@" --url {self.url};; *) command engine-ops "$@";; esac; }}'
        )
        return f"{asks}\n{script.replace('http://127.0.0.1:3000', self.url)}"

    def call(self, block: Block) -> None:
        """A JSON-RPC request of the page."""
        answer = self.rpc(**json.loads(block.text))
        assert "error" not in answer, f"{block.where}: {answer['error']}"
        self._said = json.dumps(answer)

    def rpc(self, method: str, params: Any = None, **envelope: Any) -> Any:
        """One call of the host's."""
        assert self.url is not None, "no block has started a host yet"
        body = {"jsonrpc": "2.0", "id": 1, **envelope, "method": method, "params": params or {}}
        request = urllib.request.Request(
            f"{self.url}/rpc", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    def stop(self) -> None:
        """Ends the page's host."""
        host, self._host, self.url = self._host, None, None
        if host is None:
            return
        host.send_signal(signal.SIGTERM)
        try:
            assert host.wait(timeout=20) == 0
        finally:
            if host.returncode is None:
                host.kill()
                host.wait()
            assert host.stdout is not None
            host.stdout.close()


def assert_same(shown: Any, said: Any, where: str, path: str = "") -> None:
    """Whether a page shows what is said; of times and process numbers, that there are any."""
    at = f"{where}, {path or 'the whole'}"
    assert type(shown) is type(said) or {type(shown), type(said)} <= {int, float}, f"{at}: {said!r}"
    if isinstance(shown, dict):
        assert shown.keys() == said.keys(), f"{at} has {sorted(said)}"
        for name in shown:
            if not name.endswith("Ms") and name not in ("timestamp", "duration", "avgDuration"):
                assert_same(shown[name], said[name], where, f"{path}.{name}")
    elif isinstance(shown, list):
        assert len(shown) == len(said), f"{at} has {len(said)} members"
        for index, (one, other) in enumerate(zip(shown, said, strict=True)):
            assert_same(one, other, where, f"{path}[{index}]")
    elif isinstance(shown, float):
        assert shown == pytest.approx(said), at
    else:
        assert shown == said, at


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    someone = Reader(tmp_path)
    (tmp_path / "plugins").mkdir()
    try:
        yield someone
    finally:
        someone.stop()


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_does_what_the_page_says(page: Path, reader: Reader) -> None:
    if page in WITH_THE_READMES_PLUGIN:
        for block in blocks(ROOT / "README.md"):
            if block.file is not None:
                reader.write(block)
        reader.serve(["engine-ops", "serve", "--plugins", "plugins"])
    for block in blocks(page):
        reader.follow(block)


def test_a_wrong_answer_on_a_page_would_be_seen() -> None:
    said = {"success": True, "metrics": {"durationMs": 1, "score": 1.0}, "list": ["a"]}
    assert_same({**said, "metrics": {"durationMs": 7, "score": 1.0}}, said, "here")
    for wrong in ({**said, "success": False}, {**said, "list": []}, {"success": True}):
        with pytest.raises(AssertionError, match="here"):
            assert_same(wrong, said, "here")
