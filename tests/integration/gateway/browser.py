"""A headless browser, driven over its debugging protocol.

Source: Chrome DevTools Protocol, domains Page, Runtime and Network.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
WITHIN_S = 60.0


class Tab:
    """One page.

    Attributes:
        asked: URLs that it asked for.
        complaints: What the page or the browser had to complain about.
    """

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self._ws = ws
        self._number = 0
        self.asked: list[str] = []
        self.complaints: list[str] = []

    async def _do(self, method: str, **params: Any) -> Any:
        self._number += 1
        await self._ws.send_json({"id": self._number, "method": method, "params": params})
        while True:
            said = json.loads((await self._ws.receive()).data)
            match said.get("method"):
                case "Network.requestWillBeSent":
                    self.asked.append(said["params"]["request"]["url"])
                case "Runtime.exceptionThrown" | "Page.javascriptDialogOpening":
                    self.complaints.append(json.dumps(said["params"]))
                case "Log.entryAdded" if said["params"]["entry"]["level"] in ("warning", "error"):
                    self.complaints.append(json.dumps(said["params"]))
            if said.get("id") == self._number:
                assert "error" not in said, said
                return said["result"]

    async def open(self, url: str) -> None:
        """Goes there."""
        for domain in ("Page", "Runtime", "Network", "Log"):
            await self._do(f"{domain}.enable")
        await self._do("Page.navigate", url=url)
        await self.until(f"document.readyState === 'complete' && location.href === {json.dumps(url)}")

    async def evaluate(self, script: str) -> Any:
        """The value of an expression on the page."""
        said = await self._do("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in said, said
        return said["result"].get("value")

    async def until(self, script: str) -> Any:
        """The value of an expression, once it is true."""
        async with asyncio.timeout(WITHIN_S):
            while not (value := await self.evaluate(script)):
                await asyncio.sleep(0.05)
        return value


@contextlib.asynccontextmanager
async def browsing(folder: Path) -> AsyncIterator[Tab]:
    """A browser with a profile in *folder*, that reaches this machine's loopback and nothing else."""
    assert PROGRAM is not None
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        "--headless",
        "--no-sandbox",  # it is run as root here
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--remote-debugging-port=0",
        f"--user-data-dir={folder}",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "about:blank",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        told = folder / "DevToolsActivePort"
        async with asyncio.timeout(WITHIN_S), aiohttp.ClientSession() as session:
            while not (told.exists() and "\n" in told.read_text()):
                await asyncio.sleep(0.05)
            port = told.read_text().split("\n")[0]
            async with session.get(f"http://127.0.0.1:{port}/json/list") as response:
                pages = [each for each in await response.json() if each["type"] == "page"]
            async with session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as ws:
                yield Tab(ws)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
