from __future__ import annotations

import msgspec
import pytest

from host.simulator.outcome import Advised, Outcome
from host.simulator.play import Case, Metric, Played
from host.simulator.report.files import write_report
from host.simulator.report.html import page
from host.simulator.report.svg import bars, lines, ticks
from host.simulator.summary import Summary, on_one_bound, summarise
from host.simulator.table import COLUMNS, failed, parts, table

METRIC = Metric("slowdown", "", higher_is_better=False)


def outcome(decider: str, group: str, seed: int, value: float, advised: Advised | None = None) -> Outcome:
    played = Played(
        {"slowdown": value, "max wait h": value * 2, "utilisation": 50.0},
        {"jobs, by days": [(0.0, 1.0), (1.0, value)]},
        [(0, 0.0, 1.0, "<job>")],
        "machines, by hours",
        decisions=10,
    )
    return Outcome("batch", decider, "s", Case(f"{group}/{seed}", group, seed), played, 0.5, advised)


def some() -> Summary:
    advised = Advised(calls=20, failures=1, timed=3, latencies_ms=[0.5, 1.0, 9.0], errors=["it sleeps"])
    outcomes = [
        *(outcome("easy", group, seed, 10.0 + seed) for group in ("a", "b") for seed in range(3)),
        *(outcome("mine", group, seed, 8.0 + seed, advised) for group in ("a", "b") for seed in range(3)),
    ]
    return summarise("batch", "log", METRIC, ["easy", "mine"], outcomes, True)


def test_a_decider_is_compared_with_the_first_on_the_same_cases() -> None:
    rows = {(row.group, row.decider): row for row in some().rows}
    assert list(rows) == [(g, d) for g in ("a", "b", "all") for d in ("easy", "mine")]
    mine = rows["a", "mine"]
    assert (mine.mean, mine.sd, mine.difference, mine.half_width, mine.better) == (9.0, 1.0, -2.0, 0.0, True)
    assert rows["a", "easy"].difference is None
    assert rows["all", "mine"].cases == 6
    assert mine.metrics["max wait h"] == 20.0
    assert (mine.calls, mine.failures, mine.p50_ms, mine.p99_ms) == (60, 3, 1.0, 9.0)


def test_cases_that_only_one_has_are_not_compared() -> None:
    outcomes = [outcome("easy", "a", 1, 10.0), outcome("mine", "a", 2, 1.0)]
    rows = summarise("batch", "log", METRIC, ["easy", "mine"], outcomes, False).rows
    assert rows[1].difference is None and rows[1].better is None


def test_a_table_has_a_cell_for_every_column() -> None:
    assert all(len(row) == len(COLUMNS) for row in table(some()))


def test_columns_in_which_there_is_nothing_are_left_out() -> None:
    [(columns, _)] = parts(some(), together=True)
    assert columns == COLUMNS
    alone = summarise("batch", "log", METRIC, ["easy"], [outcome("easy", "a", 1, 2.0)], True)
    [(columns, rows)] = parts(alone, together=True)
    assert not {"sd", "difference", "p50 ms", "calls", "failures"} & set(columns)
    assert all(len(row) == len(columns) for row in rows)


def test_on_a_narrow_terminal_results_and_costs_are_two_tables_that_name_who() -> None:
    results, costs = (columns for columns, _ in parts(some(), together=False))
    assert results[:2] == costs[:2] == ("group", "decider")
    assert set(results) | set(costs) == set(COLUMNS)


def test_why_calls_failed_is_said_once_with_the_number_of_all_groups() -> None:
    assert failed(some()) == ["mine: 6 of 120 calls failed: it sleeps"]


def test_who_proves_more_makes_the_bound_better_for_all() -> None:
    metric = Metric("gap", "%", higher_is_better=False, over=("length", "bound"))
    outcomes = [
        msgspec.structs.replace(
            outcome(name, "a", 1, 0.0), played=Played({"gap": gap, "length": length, "bound": bound})
        )
        for name, gap, length, bound in (("solver", 0.0, 50.0, 50.0), ("rule", 50.0, 60.0, 40.0))
    ]
    assert [each.played.metrics["gap"] for each in on_one_bound(outcomes, metric)] == [
        0.0,
        pytest.approx(20),
    ]
    rows = summarise("jobshop", "shops", metric, ["solver", "rule"], outcomes, True).rows
    assert rows[1].difference == pytest.approx(20) and rows[1].metrics["bound"] == 50.0


def test_the_page_needs_nothing_else_and_says_names_as_text() -> None:
    text = page(some(), [outcome("<b>", "a&b", 1, 2.0)])
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "<script" not in text and "<b>" not in text
    assert "&lt;job&gt;" in text and "<svg" in text
    assert text.count(">hours</text>") == text.count(">days</text>") == 1


def test_files_are_written_and_the_json_is_the_summary(tmp_path) -> None:
    written = write_report(some(), [outcome("easy", "a", 1, 2.0)], tmp_path / "new", False)
    assert [each.name for each in written] == ["summary.json", "report.html"]
    assert msgspec.json.decode(written[0].read_bytes(), type=Summary) == some()


def test_axes_have_round_numbers_and_one_point_is_no_fault() -> None:
    assert ticks(0, 10) == [0, 2, 4, 6, 8, 10]
    assert "<polyline" in lines({"one": [(1.0, 1.0)]}, "t")
    assert lines({}, "t") == bars([], "t") == ""


def test_every_plot_of_the_page_is_a_picture_too(tmp_path) -> None:
    pytest.importorskip("matplotlib", reason="MATPLOTLIB IS MISSING: pip install 'engine-ops[plot]'")
    written = write_report(some(), [outcome("easy", "a", 1, 2.0)], tmp_path, True)
    pictures = [each for each in written if each.suffix == ".png"]
    assert [each.name for each in pictures] == [
        "a-1-jobs-by-days.png",
        "a-1-under-easy-machines-by-hours.png",
    ]
    assert all(each.read_bytes().startswith(b"\x89PNG") for each in pictures)
