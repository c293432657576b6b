"""A real host in a process of its own, and certificates for it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent


@dataclass
class Process:
    """A running host.

    Attributes:
        log: What it wrote to stderr, so far.
    """

    popen: subprocess.Popen[str]
    url: str
    log_path: Path
    context: ssl.SSLContext | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def ask(self, path: str, body: object = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
        """Status, JSON and headers of one request."""
        data = None if body is None else json.dumps(body).encode()
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if data is not None:
            sent["Content-Type"] = "application/json"
        request = urllib.request.Request(f"{self.url}{path}", data, sent)
        try:
            with urllib.request.urlopen(request, timeout=30, context=self.context) as response:
                status, text, given = response.status, response.read(), response.headers
        except urllib.error.HTTPError as error:
            status, text, given = error.code, error.read(), error.headers
        return status, json.loads(text), {name.lower(): value for name, value in given.items()}

    def rpc(self, method: str, params: object = None, **headers: str) -> Any:
        """The response object of one call."""
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
        return self.ask("/rpc", call, **headers)[1]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Sends a signal, and waits for the end."""
        self.popen.send_signal(number)
        return self.popen.wait(timeout=60)


def put_plugin(folder: Path, name: str, manifest: str, code: str) -> Path:
    """A plugin's folder in the plugins directory of a host that is to be started in *folder*."""
    place = folder / "plugins" / name
    place.mkdir(parents=True)
    (place / "plugin.toml").write_text(manifest)
    (place / "plugin.py").write_text(code)
    return place


@contextlib.contextmanager
def serving(
    folder: Path, *flags: str, meanwhile: Callable[[Path], None] | None = None, **environment: str
) -> Iterator[Process]:
    """`engine-ops serve` on an empty plugins directory and a free port, in *folder*.

    Args:
        meanwhile: Done before it listens, with the path of its log.
    """
    (folder / "plugins").mkdir(exist_ok=True)
    number = len(list(folder.glob("host-*.log")))
    log_path = folder / f"host-{number}.log"
    port = [] if "--port" in flags else ["--port", "0"]
    with log_path.open("w") as log:
        popen = subprocess.Popen(
            [str(BIN / "engine-ops"), "serve", *port, "--json", "--allow-weak-sandbox", *flags],
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        if meanwhile is not None:
            meanwhile(log_path)
        assert popen.stdout is not None
        line = popen.stdout.readline()
        assert line, f"it did not start: {log_path.read_text()}"
        yield Process(popen, json.loads(line)["url"], log_path)
    finally:
        if popen.poll() is None:
            popen.kill()
        popen.wait()
        if popen.stdout is not None:
            popen.stdout.close()


def refused(folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """A host that does not start."""
    (folder / "plugins").mkdir(exist_ok=True)
    command = [str(BIN / "engine-ops"), "serve", "--port", "0", *flags]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def engine_ops(folder: Path, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Another command."""
    return subprocess.run(
        [str(BIN / "engine-ops"), *args],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
