"""What a manifest may ask for: packages by name, and wheels that lie in the plugin's own folder.

A requirement comes from somebody else's manifest and ends in the arguments of an installer that runs as the host.
So only what is known to be harmless is let through: no options, no addresses, no folders and no source archives,
whose build would run the author's code outside of any sandbox.

Source: packaging.python.org, "Dependency specifiers" (PEP 508), "Version specifiers" (PEP 440).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from plugin_sdk.contract.decode import show

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_EXTRAS = rf"(?:\s*\[\s*{_NAME}(?:\s*,\s*{_NAME})*\s*\])?"
_VERSION = r"(?:===|==|~=|!=|<=|>=|<|>)\s*[A-Za-z0-9._*+!-]+"
_VERSIONS = rf"(?:\s*\(?\s*{_VERSION}(?:\s*,\s*{_VERSION})*\s*\)?)?"
_MARKER = r"(?:\s*;[^\n\r@/\\]+)?"
_BY_NAME = re.compile(rf"{_NAME}{_EXTRAS}{_VERSIONS}{_MARKER}\Z")
_BY_FILE = re.compile(rf"(?:(?P<name>{_NAME}{_EXTRAS})\s*@\s*)?(?P<path>[^@\n\r;]+\.whl)\Z")
# Source archives that an installer would take a bare name for, if a file of that name were there.
_ARCHIVE = re.compile(r"\.(zip|whl|tar|tgz|tbz|txz|gz|bz2|xz)\Z", re.IGNORECASE)
EXPECTED = (
    'a package by name such as "lightgbm>=4", or a wheel in the plugin\'s folder such as '
    '"lightgbm @ file:wheels/lightgbm-4.6.0-py3-none-any.whl"'
)


class RequirementError(ValueError):
    """A requirement that is not let through; says which, why, and what would be."""


@dataclass(frozen=True)
class Vendored:
    """A wheel that comes with the plugin. `name` is with its extras."""

    name: str
    path: Path


@dataclass(frozen=True)
class Requirements:
    """What is asked for, in an order that does not depend on how it was written."""

    named: tuple[str, ...]
    vendored: tuple[Vendored, ...]


def read_requirements(given: Sequence[str], folder: Path) -> Requirements:
    """Checks *given*, which stands in the manifest of the plugin in *folder*.

    Raises:
        RequirementError: The first one that is not let through.
    """
    named: set[str] = set()
    vendored: dict[Path, Vendored] = {}
    for each in given:
        text = each.strip()
        if _BY_NAME.match(text) and not _ARCHIVE.search(text):
            named.add(_normal(text))
        elif found := _BY_FILE.match(text):
            path = _in_folder(found["path"].strip(), folder, each)
            vendored[path] = Vendored(found["name"] or path.name.partition("-")[0], path)
        else:
            raise RequirementError(f"{show(each)} cannot be installed; give {EXPECTED}")
    return Requirements(tuple(sorted(named)), tuple(vendored[path] for path in sorted(vendored)))


def _normal(text: str) -> str:
    """One spelling for what means the same: the name as PEP 503 has it, and no blanks outside of the marker."""
    spec, semicolon, marker = text.partition(";")
    name = re.match(_NAME, spec)
    assert name is not None
    rest = re.sub(r"\s", "", spec[name.end() :])
    return f"{re.sub(r'[-_.]+', '-', name[0]).lower()}{rest}" + (f"; {marker.strip()}" if semicolon else "")


def _in_folder(text: str, folder: Path, given: str) -> Path:
    if text.startswith("file:"):
        text = unquote(text.removeprefix("file:"))
        text = re.sub(r"\A//(localhost)?(?=/)", "", text)
    if "://" in text:
        raise RequirementError(f"{show(given)} is an address; give {EXPECTED}")
    path = (folder / text).resolve()  # where links lead to, too
    if not path.is_relative_to(folder.resolve()):
        raise RequirementError(f"{show(given)} is outside of the plugin's folder; put the wheel into it")
    if not path.is_file():
        raise RequirementError(f"{show(given)}: there is no such file in the plugin's folder")
    return path
