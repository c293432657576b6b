"""The how-to of back-tests beside the code: every member of a summary has its place there, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from host.simulator.summary import Row, Summary

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "back-test-a-plugin.md"


def test_every_member_of_a_summary_is_explained_and_no_other() -> None:
    section = PAGE.read_text(encoding="utf-8").split("## For machines")[1].split("\n## ")[0]
    intro, _, rows = section.partition("| member |")
    named = re.findall(r"`(\w+)`", intro.split("one object:")[1])
    assert set(named) == {field.encode_name for field in msgspec.structs.fields(Summary)}
    members = [
        name
        for line in rows.splitlines()
        for name in re.findall(r"`(\w+)`", line.split("|")[1] if line.startswith("|") else "")
    ]
    assert set(members) == {field.encode_name for field in msgspec.structs.fields(Row)}
