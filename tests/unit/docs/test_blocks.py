"""Every page: its blocks are of a known kind and well-formed, and its links lead somewhere."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from host.config import HostConfig, load_config
from plugin_sdk.contract.manifest import parse_manifest
from tests.integration.docs.pages import KINDS, ROOT, Block, all_pages, blocks, name_of

BLOCKS = [block for page in all_pages() for block in blocks(page)]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def test_every_block_says_what_a_test_does_with_it() -> None:
    assert [block.where for block in BLOCKS if block.kind not in KINDS] == []
    for page in all_pages():
        fences = re.findall(r"^```", page.read_text(), re.MULTILINE)
        assert len(fences) == 2 * len(blocks(page)), f"{name_of(page)} has a fence that is not closed"


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.kind.startswith("json")], ids=lambda b: b.where)
def test_json_is_json(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.kind.startswith("toml")], ids=lambda b: b.where)
def test_toml_is_what_it_is_said_to_be(block: Block, tmp_path: Path) -> None:
    text: str = block.text
    tomllib.loads(text)
    if block.kind == "toml manifest" or str(block.file).endswith("plugin.toml"):
        assert parse_manifest(text.encode()).name
    if block.kind == "toml configuration":
        (tmp_path / "host.toml").write_text(text)
        assert load_config(tmp_path / "host.toml") != HostConfig()


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.kind == "python"], ids=lambda b: b.where)
def test_python_compiles(block: Block) -> None:
    compile(block.text, block.where, "exec")


@pytest.mark.parametrize(
    "block", [b for b in BLOCKS if b.kind in ("sh", "sh checkout")], ids=lambda b: b.where
)
def test_shell_parses(block: Block) -> None:
    done = subprocess.run(["bash", "-n", "-c", block.text], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in found}


LINKING = [
    *sorted({*all_pages(), *(ROOT / "docs").rglob("*.md")}),
    *sorted((ROOT / "sample_plugins").rglob("README.md")),
]


@pytest.mark.parametrize("page", LINKING, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for link in LINK.findall(prose):
        if re.match(r"https?:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_relative_to(ROOT) and target.exists(), f"{name_of(page)}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{name_of(page)}: {link}"


def test_every_page_can_be_reached_from_the_index() -> None:
    reached: set[Path] = set()
    waiting = [ROOT / "docs" / "index.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        for link in LINK.findall(page.read_text()):
            path = (page.parent / link.partition("#")[0]).resolve()
            if not re.match(r"https?:", link) and path.is_relative_to(ROOT) and path.is_file():
                waiting.append(path)
    assert {name_of(page) for page in (ROOT / "docs").rglob("*.md")} <= {name_of(page) for page in reached}
