"""The page `/docs` in a browser: it renders, a call tried there is answered, and what plugins say stays text."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.integration.gateway.browser import PROGRAM, Tab, browsing
from tests.integration.gateway.serving import Process, engine_ops, put_plugin, serving

pytestmark = pytest.mark.skipif(
    PROGRAM is None,
    reason="NO CHROMIUM on this machine (Debian's package chromium): /docs was not tried in a browser",
)

HOSTILE = "<script>window.taken = 1</script><img src=x onerror='window.taken = 1'> \u202ebidi \x1b[31mred\x07"
MANIFEST = f"""
[plugin]
name = "hostile"
version = "1.0.0"
description = {json.dumps(HOSTILE)}
author = {json.dumps(HOSTILE)}
handles = ["ml-driven"]
entry = "plugin:Hostile"
"""
CODE = f"""
import sys
sys.stderr.write({HOSTILE!r} + "\\n")
class Hostile:
    def predict(self, input_data):
        raise ValueError({HOSTILE!r})
"""
# Puts a method's parameters in, presses "Try", and gives what is shown once it has been answered.
TRY = """
(async () => {
  const box = document.querySelector('[data-method="%s"]');
  box.open = true;
  box.querySelector('textarea').value = %s;
  box.querySelector('button').click();
  const began = Date.now();
  while (!/^ \\d+, /.test(box.querySelector('button + span').textContent) && Date.now() - began < 30000)
    await new Promise((go) => setTimeout(go, 20));
  return box.querySelector('pre').textContent;
})()
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("host")
    put_plugin(folder, "hostile", MANIFEST, CODE)
    with serving(folder) as running:
        yield running


@pytest.fixture
async def tab(tmp_path: Path) -> AsyncIterator[Tab]:
    async with browsing(tmp_path / "profile") as tab:
        yield tab


async def tried(tab: Tab, method: str, **params: object) -> str:
    return str(await tab.evaluate(TRY % (method, json.dumps(json.dumps(params)))))


async def test_it_renders_and_answers_without_a_network_and_shows_what_plugins_say_as_text(
    host: Process, tab: Tab
) -> None:
    await tab.open(f"{host.url}/docs")
    await tab.until("document.getElementById('state').textContent.includes('methods, ')")
    assert await tab.evaluate("document.querySelectorAll('[data-method]').length") > 20
    assert await tab.evaluate("document.querySelectorAll('[data-operation]').length") > 12
    # As it stands there, with the page's own example.
    sample = await tab.evaluate("document.querySelector('[data-method=\"engine.optimize\"] textarea').value")
    assert json.loads(await tried(tab, "engine.optimize", **json.loads(sample)))["result"]["success"]
    assert "name is missing" in await tried(tab, "plugins.get")

    got = await tried(tab, "plugins.get", name="hostile")
    assert json.loads(got)["result"]["description"] == HOSTILE
    logged = await tried(tab, "plugins.logs", name="hostile")
    failed = await tried(tab, "plugins.predict", name="hostile", input={})
    listed = await tried(tab, "plugins.list")
    for shown in (got, logged, failed, listed):
        assert "<script>" in shown
        assert shown.replace("\n", "").isprintable(), "nothing turns the text of the page around"
    assert await tab.evaluate("window.taken === undefined")
    assert await tab.evaluate("document.querySelectorAll('img').length + document.scripts.length") == 1

    # The events of the page are the same untrusted text.
    await tab.evaluate("document.getElementById('topics').value = 'logs,decisions'")
    await tab.evaluate("document.getElementById('listen').click()")
    await tried(tab, "plugins.restart", name="hostile")
    await tab.until("document.getElementById('events').textContent.includes('window.taken')")
    shown = await tab.evaluate("document.getElementById('events').textContent")
    assert shown.replace("\n", "").isprintable()
    assert await tab.evaluate("window.taken === undefined")

    assert {url.startswith((f"{host.url}/", "about:")) for url in tab.asked} == {True}, tab.asked
    assert [each for each in tab.complaints if "favicon" not in each] == []


async def test_it_asks_for_a_token_where_the_host_does(tmp_path: Path, tab: Tab) -> None:
    data = tmp_path / "data"
    token = engine_ops(tmp_path, "token", "new", "ann", "--role", "read", "--data", str(data)).stdout.strip()
    with serving(tmp_path, "--data", str(data)) as host:
        await tab.open(f"{host.url}/docs")
        await tab.until("document.getElementById('state').textContent.includes('asks for a token')")
        await tab.evaluate(f"document.getElementById('token').value = {json.dumps(token)}")
        await tab.evaluate("document.getElementById('load').click()")
        await tab.until("document.getElementById('state').textContent.includes('methods')")
        assert "forbidden" in await tried(tab, "plugins.restart", name="x")
        assert not [url for url in tab.asked if token in url]
