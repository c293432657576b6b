"""What is shown, and that it stays on its line."""

from __future__ import annotations

import json

import click
import pytest

from host.cli.plugin import COLUMNS
from host.cli.show import cell, memory, print_json, print_rows, printable


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        (True, "yes"),
        (0, "0"),
        (0.123456, "0.1235"),
        (123456.7, "123457"),
        ("ä b", "ä b"),
        ({"a": [1]}, '{"a": [1]}'),
        ("", ""),
    ],
)
def test_a_value_is_shown_on_one_line(value: object, shown: str) -> None:
    assert cell(value) == shown


def test_control_characters_of_a_plugin_are_shown_as_escapes() -> None:
    assert printable("a\x1b[31mb\tc\nd\u202e") == "a\\x1b[31mb\\tc\\nd\\u202e"


def test_json_says_the_same_without_orders_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"why": "\u202ereversed \x9b31m \U000e0041 ä"}
    print_json(value, one_line=True)
    shown = capsys.readouterr().out.removesuffix("\n")
    assert shown.isprintable()
    assert json.loads(shown) == value


def test_memory_is_in_mebibytes() -> None:
    assert (memory(50 * 1024 * 1024), memory(None)) == ("50", "-")


def test_rows_are_tab_separated_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(("name", "calls"), [("x\ty", 3), (None, 0.5)])
    assert capsys.readouterr().out == "name\tcalls\nx\\ty\t3\n-\t0.5\n"


def test_a_table_of_plugins_keeps_its_last_column_on_a_terminal_of_80(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    row = (
        "resource-optimizer-of-x",
        "quarantined",
        10,
        "scheduling, ml-driven",
        3,
        0,
        1.2345,
        1492.3,
        "129",
        12,
    )
    print_rows(COLUMNS[:-1], [row])
    out = click.unstyle(capsys.readouterr().out)
    assert "restarts" in out.splitlines()[0]
    assert max(len(line) for line in out.splitlines()) <= 80
