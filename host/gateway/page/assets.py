"""The page's files. They lie beside this module, and are read once."""

from __future__ import annotations

from functools import cache
from pathlib import Path

ASSETS = {
    "index.html": "text/html; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
}
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What a browser lets the page do: load its own files and call its own host, nothing else."""


@cache
def asset(name: str) -> tuple[str, bytes]:
    """Content type and bytes of one of `ASSETS`."""
    return ASSETS[name], (Path(__file__).parent / name).read_bytes()
