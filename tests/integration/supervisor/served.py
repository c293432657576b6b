"""`engine-ops serve` as a process of its own, with plugins in shell that are up within milliseconds."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# `first` is done before it listens; it notes down that it was asked to end, before it does.
SCRIPT = """\
%s
while IFS= read -r line; do
  id=${line#*'"id":'}; id=${id%%%%,*}
  case "$line" in
    *'"method":"initialize"'*) r='{"protocol":1,"plugin":{"name":"sh","version":"1.0.0"},"capabilities":{"predict":{}}}' ;;
    *'"method":"shutdown"'*) r='{}'; echo "${PWD##*/}" >> ../../ended ;;
    *) r="{\\"prediction\\":$$}" ;;
  esac
  printf '{"jsonrpc":"2.0","id":%%s,"result":%%s}\\n' "$id" "$r"
  case "$line" in *'"method":"shutdown"'*) exit 0 ;; esac
done
"""


def write(directory: Path, name: str, first: str = "") -> Path:
    """A plugin's folder, renamed into place."""
    directory.mkdir(exist_ok=True)
    aside = directory.parent / f".{name}.new"
    aside.mkdir()
    (aside / "plugin.sh").write_text(SCRIPT % first)
    (aside / "plugin.toml").write_text(
        f'[plugin]\nname = "{name}"\nversion = "1.0.0"\nhandles = ["ml-driven"]\ncommand = ["sh", "plugin.sh"]\n'
    )
    return aside.rename(directory / name)


class Served:
    """A host that runs. Its plugins are held by their processes alone: what is tried is not the sandbox."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url

    def rpc(self, method: str, **params: Any) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(
            f"{self.url}/rpc", body, {"content-type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            said = json.load(answer)
        assert "result" in said, said
        return said["result"]

    def plugins(self) -> dict[str, dict[str, Any]]:
        return {each["name"]: each for each in self.rpc("plugins.list")["plugins"]}

    def pids(self) -> dict[str, int]:
        return {name: self.rpc("plugins.get", name=name)["pid"] for name in self.plugins()}

    def all_ready(self) -> bool:
        states = [each["state"] for each in self.plugins().values()]
        return bool(states) and set(states) == {"ready"}

    def end(self, number: int = signal.SIGTERM, within_s: float = 60) -> int:
        """Signals it, and gives its exit code."""
        self.process.send_signal(number)
        return self.process.wait(within_s)


def command(plugins: Path, data: Path) -> list[str]:
    config = data.parent / "off.toml"
    config.write_text('[sandbox]\nisolation = "off"\n')
    options = [
        "--plugins",
        str(plugins),
        "--data",
        str(data),
        "--port",
        "0",
        "--json",
        "--config",
        str(config),
    ]
    return [sys.executable, "-m", "host.cli.main", "serve", *options]


@contextlib.contextmanager
def serving(plugins: Path, data: Path) -> Iterator[Served]:
    """A host on a free port; killed at the end, if it still runs."""
    process = subprocess.Popen(
        command(plugins, data), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    with process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, f"it ended with {process.wait(10)}"
            yield Served(process, json.loads(line)["url"])
        finally:
            if process.poll() is None:
                process.kill()
