"""Runs the plugin of a folder as a process of its own, without a sandbox: for an author's own tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from plugin_sdk.contract.manifest import MANIFEST_NAME, Manifest, parse_manifest
from plugin_sdk.testing.channel import PipeChannel, resident_bytes

_LOG_LINES = 20


def read_manifest(folder: str | Path) -> Manifest:
    """The manifest of a folder.

    Raises:
        ManifestError: It is bad.
        OSError: There is none.
    """
    path = Path(folder) / MANIFEST_NAME
    return parse_manifest(path.read_bytes(), str(path))


def command_of(manifest: Manifest, folder: Path) -> list[str]:
    """How the plugin is started: its own command, or the SDK's runner."""
    if manifest.command is not None:
        return list(manifest.command)
    assert manifest.entry is not None
    runner = [sys.executable, "-P", "-B", "-m", "plugin_sdk.runner"]
    return [*runner, "--entry", manifest.entry, "--folder", str(folder)]


class ProcessChannel(PipeChannel):
    """One process of a plugin, held by nothing. Satisfies `Channel`."""

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder).resolve()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `kill`
        self._process = subprocess.Popen(
            command_of(read_manifest(self._folder), self._folder),
            cwd=self._folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            bufsize=0,
            start_new_session=True,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        super().__init__(os.dup(self._process.stdin.fileno()), os.dup(self._process.stdout.fileno()))
        self._process.stdin.close()
        self._process.stdout.close()
        self._said: list[str] = []

    def pid(self) -> int | None:
        """See `Channel`."""
        return self._process.pid

    def wait_exit(self, timeout_s: float) -> str | None:
        """See `Channel`."""
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None
        return f"exit {code}" if code >= 0 else signal.Signals(-code).name

    def kill(self) -> None:
        """See `Channel`."""
        self._said = self.log()
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self.close()
        self._log.close()

    def held_bytes(self) -> int | None:
        """See `Channel`."""
        return resident_bytes(self.pid())

    def log(self) -> list[str]:
        """See `Channel`."""
        if self._log.closed:
            return self._said
        size = os.fstat(self._log.fileno()).st_size
        data = os.pread(self._log.fileno(), 65536, max(0, size - 65536))
        return data.decode(errors="replace").splitlines()[-_LOG_LINES:]
