"""What `engine-ops call` checks before it calls anybody."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from host.cli.main import cli

NOBODY = "http://127.0.0.1:1"  # port 1 is the port multiplexer's; nothing listens there


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ('{"a":}', "line 1, column 6"),
        ('{\n"a": 1,\n}', "line 3, column 1"),
        ("5", "give the parameters by name"),
        ('"text"', "give the parameters by name"),
        ('{"a": NaN}', "NaN, which is no JSON number"),
        ("[-Infinity]", "-Infinity, which is no JSON number"),
        ("", "line 1, column 1"),
        ("[" * 100_000, "the argument"),
        ("1" * 5000, "the argument"),
    ],
)
def test_bad_json_is_wrong_usage_and_says_where(params: str, says: str) -> None:
    result = CliRunner().invoke(cli, ["call", "host.info", params, "--url", NOBODY])
    assert result.exit_code == 2
    assert says in result.stderr


def test_bad_json_from_standard_input_is_named_so() -> None:
    result = CliRunner().invoke(cli, ["call", "host.info", "-", "--url", NOBODY], input="{")
    assert (result.exit_code, "standard input is not JSON" in result.stderr) == (2, True)


def test_a_file_that_is_missing_or_no_text_is_wrong_usage(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    for path, says in ((tmp_path / "missing", "No such file"), (binary, "UTF-8"), (tmp_path, "directory")):
        result = CliRunner().invoke(cli, ["call", "host.info", f"@{path}", "--url", NOBODY])
        assert (result.exit_code, says in result.stderr) == (2, True)


@pytest.mark.parametrize("url", ["", "localhost:3000", "ftp://x", "http://", "http://x:99999", "http://[::1"])
def test_a_url_that_is_none_is_wrong_usage(url: str) -> None:
    result = CliRunner().invoke(cli, ["call", "host.info", "--url", url])
    assert (result.exit_code, "http://127.0.0.1:3000" in result.stderr) == (2, True)


def test_no_host_there_says_how_to_start_one() -> None:
    result = CliRunner().invoke(cli, ["call", "host.info", "--url", NOBODY])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "engine-ops serve --plugins DIR" in result.stderr


@pytest.mark.parametrize("token", ["a\nb", "ä", "a\x00"])
def test_a_token_that_would_break_the_header_is_wrong_usage_and_not_shown(token: str) -> None:
    result = CliRunner().invoke(cli, ["call", "host.info", "--url", NOBODY, "--token", token])
    assert (result.exit_code, token in result.stderr) == (2, False)
