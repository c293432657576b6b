"""The record of changes."""

from __future__ import annotations

import json

from host.gateway.access.audit import AuditLog, Change, redacted


async def test_a_change_is_a_line_in_the_file_and_secrets_are_not_in_it(tmp_path) -> None:
    audit = AuditLog(tmp_path)
    await audit.note(
        Change(5.0, "ci (1f)", "plugins.configure", "forest", before={"apiKey": "hunter2"}, after={"a": 1})
    )
    await audit.note(Change(6.0, "local", "plugins.enable", "two\nlines"))
    first, second = [json.loads(line) for line in (tmp_path / "audit.ndjson").read_text().splitlines()]
    assert (first["who"], first["what"], first["after"]) == ("ci (1f)", "plugins.configure", {"a": 1})
    assert first["before"] == {"apiKey": "(not shown)"}
    assert second["target"] == "two\nlines"
    assert [each.at_ms for each in audit.latest(1)] == [6.0]
    assert (tmp_path / "audit.ndjson").stat().st_mode & 0o077 == 0


async def test_a_change_stands_when_it_cannot_be_written_down(tmp_path, caplog) -> None:
    audit = AuditLog(tmp_path / "gone")
    await audit.note(Change(5.0, "local", "plugins.enable", "a"))
    assert "audit.not_written" in caplog.text
    assert len(audit.latest(10)) == 1


def test_secrets_are_known_by_their_names_however_deep() -> None:
    given = {"db": [{"Password": 1, "host": "h"}], "private_key": "x", "trees": 3}
    shown = {"db": [{"Password": "(not shown)", "host": "h"}], "private_key": "(not shown)", "trees": 3}
    assert redacted(given) == shown
