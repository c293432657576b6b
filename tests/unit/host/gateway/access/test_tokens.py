"""Tokens: shown once, kept as digests, taken back at once."""

from __future__ import annotations

import pytest

from host.errors import ConfigError, NotFoundError
from host.gateway.access.tokens import TokenStore


def test_a_token_opens_the_door_and_its_text_is_nowhere(tmp_path) -> None:
    store = TokenStore(tmp_path)
    assert not store.exists()
    token, text = store.new("ci", "operate", 0.0)
    assert store.find(text.encode(), 1.0) == token
    assert text.split("_", 2)[2] not in store.path.read_text()
    assert store.path.stat().st_mode & 0o077 == 0
    assert len(text) > 40


@pytest.mark.parametrize("wrong", [b"", b"eo_", b"nonsense", b"\xff\xfe_\x80", b"eo_00000000_x"])
def test_anything_else_does_not(tmp_path, wrong) -> None:
    store = TokenStore(tmp_path)
    _, text = store.new("ci", "read", 0.0)
    assert store.find(wrong, 1.0) is None
    for near in (text[:-1], text + "x", text.upper(), "x" + text):
        assert store.find(near.encode(), 1.0) is None


def test_another_process_sees_a_new_token_and_a_revoked_one_at_once(tmp_path) -> None:
    running, command = TokenStore(tmp_path), TokenStore(tmp_path)
    _, text = command.new("ci", "read", 0.0)
    assert running.find(text.encode(), 1.0) is not None
    command.revoke("ci", 2.0)
    assert running.find(text.encode(), 3.0) is None
    assert running.exists(), "tokens are asked for although none is left"
    running.path.unlink()
    assert running.exists()


def test_a_token_can_end_by_itself(tmp_path) -> None:
    store = TokenStore(tmp_path)
    _, text = store.new("guest", "read", 0.0, lives_s=10.0)
    assert store.find(text.encode(), 9_999.0) is not None
    assert store.find(text.encode(), 10_000.0) is None


def test_a_name_is_one_tokens_until_it_is_revoked(tmp_path) -> None:
    store = TokenStore(tmp_path)
    first, _ = store.new("ci", "read", 0.0)
    with pytest.raises(ConfigError, match="in use"):
        store.new("ci", "admin", 1.0)
    store.revoke(first.id, 2.0)
    with pytest.raises(NotFoundError):
        store.revoke("ci", 3.0)
    store.new("ci", "admin", 4.0)
    assert [(each.role, each.revoked_at) for each in store.all()] == [("read", 2.0), ("admin", None)]


@pytest.mark.parametrize("name", ["", "x" * 65, "two\nlines"])
def test_a_name_that_cannot_be_is_refused(tmp_path, name) -> None:
    with pytest.raises(ConfigError, match="printable"):
        TokenStore(tmp_path).new(name, "read", 0.0)


def test_a_file_that_is_torn_is_an_error_and_no_open_door(tmp_path) -> None:
    (tmp_path / "tokens.json").write_text('{"tokens": [{"id"')
    with pytest.raises(ConfigError, match="cannot be read"):
        TokenStore(tmp_path).exists()
