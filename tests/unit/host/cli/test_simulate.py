from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from host.cli.simulate import simulate


@pytest.fixture
def streams(tmp_path: Path) -> Path:
    path = tmp_path / "streams.json"
    path.write_text(json.dumps({"g": {"a": {"capacity": 10, "items": [6, 5, 4, 5]}}}))
    return path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["batches", "data"], "did you mean 'batch'?"),
        (["zzz", "data"], "the tasks are gpu-placement, batch"),
        (["queue", "data", "--seeds", "51-42"], "give 42-51"),
        (["queue", "data", "--seeds", "one"], "'one' is no seed"),
    ],
)
def test_what_is_mistyped_is_wrong_usage_with_a_remedy(arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(simulate, arguments)
    assert done.exit_code == 2
    assert said in done.stderr


def test_an_option_that_says_nothing_for_a_task_is_told(streams: Path) -> None:
    done = CliRunner().invoke(simulate, ["binpack", str(streams), "--seeds", "42"])
    assert done.exit_code == 0
    assert "--seeds says nothing here" in done.stderr


def test_in_a_pipe_the_table_has_the_same_columns_whatever_was_run(streams: Path) -> None:
    done = CliRunner().invoke(simulate, ["binpack", str(streams)])
    assert {line.count("\t") for line in done.stdout.splitlines()} == {14}
