"""The pages of the documentation, and their fenced blocks.

A block's first line says what a test does with it:

    sh                  run by bash in the page's own folder; must succeed. A block that is one `engine-ops serve`
                        starts that host, on a free port, until the end of the page
    sh checkout         the same, but run at the top of this checkout, for those who work on the project itself
    LANGUAGE file=PATH  written there
    python              run in the page's folder
    toml manifest       read as a plugin.toml; `toml configuration` as a host's configuration; `toml` as TOML
    json rpc            sent to the host's /rpc, which must answer with a result
    json answer         what the `sh` or `json rpc` block before it said, but for its times
    json                read as JSON
    LANGUAGE needs=A,B  the rest of the page is skipped, loudly, where one of these Python modules is not installed
    text, mermaid, yaml, js, perl  for readers, or programs that are tried elsewhere
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"
# These two are held to the code by tests of their own.
ELSEWHERE = {DOCS / "reference" / "protocol.md", DOCS / "reference" / "states.md"}
KINDS = {
    "sh",
    "sh checkout",
    "python",
    "toml",
    "toml manifest",
    "toml configuration",
    "json",
    "json rpc",
    "json answer",
    "text",
    "mermaid",
    "yaml",
    "js",
    "perl",
}
_FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```[ ]*$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Fields:
        kind: One of `KINDS`.
        file: Where it is to be written; `None` when it is no file.
        where: Page and line, for messages.
    """

    kind: str
    file: str | None
    text: str
    where: str
    needs: tuple[str, ...] = ()


def all_pages() -> list[Path]:
    """README.md and every page below docs/, but for those with tests of their own."""
    return [ROOT / "README.md", *(page for page in sorted(DOCS.rglob("*.md")) if page not in ELSEWHERE)]


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in its order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        words = match.group(1).split()
        files = [word.removeprefix("file=") for word in words if word.startswith("file=")]
        needs = [word.removeprefix("needs=") for word in words if word.startswith("needs=")]
        kind = " ".join(word for word in words if not word.startswith(("file=", "needs=")))
        line = text.count("\n", 0, match.start()) + 1
        where = f"{page.relative_to(ROOT)}:{line}"
        found.append(
            Block(
                kind,
                files[0] if files else None,
                match.group(2),
                where,
                tuple(",".join(needs).split(",")) if needs else (),
            )
        )
    return found


def name_of(page: Path) -> str:
    """As test reports show it."""
    return str(page.relative_to(ROOT))
