from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from host.errors import ConfigError, PluginError
from host.simulator.main import simulate
from host.simulator.outcome import Outcome
from host.simulator.plan import SimulateOptions
from host.simulator.play import Options
from host.simulator.run import OUTCOMES


@pytest.fixture
def streams(tmp_path: Path) -> Path:
    path = tmp_path / "streams.json"
    stream = {"capacity": 10, "items": [3, 7, 5, 5, 4, 6] * 5}
    path.write_text(json.dumps({"one": {"a": stream, "b": stream}, "two": {"c": stream}}))
    return path


def test_all_built_ins_are_run_on_all_cases_without_being_named(streams: Path) -> None:
    summary = simulate(SimulateOptions("binpack", streams)).summary
    assert summary.complete
    assert [(row.group, row.decider) for row in summary.rows][:2] == [
        ("one", "best-fit"),
        ("one", "sum-of-squares"),
    ]


def test_what_a_reader_must_know_of_the_data_is_in_the_summary(tmp_path: Path) -> None:
    log = tmp_path / "log.swf"
    log.write_text("; MaxProcs: 8\n1 0 -1 10 2 -1 -1 2 -1 -1 1 1 1 1 -1 -1 -1 -1\n")
    [note] = simulate(SimulateOptions("batch", log, policies=("easy",))).summary.notes
    assert note.startswith("log: 1 jobs") and "1 have no requested time" in note


def test_a_run_in_several_processes_says_the_same(streams: Path) -> None:
    one = simulate(SimulateOptions("binpack", streams)).summary
    two = simulate(SimulateOptions("binpack", streams, jobs=2)).summary
    assert [(r.group, r.decider, r.mean) for r in one.rows] == [
        (r.group, r.decider, r.mean) for r in two.rows
    ]


def test_resume_does_only_what_is_not_known(
    streams: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    first = simulate(SimulateOptions("binpack", streams, out=out)).summary
    kept = (out / OUTCOMES).read_bytes().splitlines(keepends=True)
    # As it is after a kill: one line missing, one cut short.
    (out / OUTCOMES).write_bytes(b"".join(kept[:4]) + kept[4][:50])
    from host.simulator import run

    done: list[str] = []
    real = run.do

    def counted(work: run.Work) -> Outcome:
        done.append(work.case.key)
        return real(work)

    monkeypatch.setattr(run, "do", counted)
    again = simulate(SimulateOptions("binpack", streams, out=out, resume=True)).summary
    assert len(done) == 2
    # What was done after a line that is cut short is not part of it.
    simulate(SimulateOptions("binpack", streams, out=out, resume=True))
    assert len(done) == 2
    assert [row.mean for row in again.rows] == [row.mean for row in first.rows]


def test_other_options_are_another_run(streams: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    simulate(SimulateOptions("binpack", streams, out=out))
    short = simulate(SimulateOptions("binpack", streams, out=out, resume=True, play=Options(limit=6))).summary
    assert short.rows[0].metrics["bins"] == 3


def test_ctrl_c_reports_what_is_known(streams: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from host.simulator import run

    real = run.do

    def interrupted(work: run.Work) -> Outcome:
        if work.case.key == "two/c":
            raise KeyboardInterrupt
        return real(work)

    monkeypatch.setattr(run, "do", interrupted)
    summary = simulate(SimulateOptions("binpack", streams)).summary
    assert not summary.complete
    assert {row.group for row in summary.rows} == {"one"}


def test_what_is_known_is_reported_when_a_fault_ends_the_run(
    streams: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from host.simulator import run

    real = run.do

    def failing(work: run.Work) -> Outcome:
        if work.case.key == "two/c":
            raise PluginError("mine", "it did not start")
        return real(work)

    monkeypatch.setattr(run, "do", failing)
    finished = simulate(SimulateOptions("binpack", streams))
    assert not finished.summary.complete and finished.summary.rows
    assert isinstance(finished.fault, PluginError)


def test_what_is_no_plugin_folder_is_not_copied_to_find_out(streams: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    os.mkfifo(disk / "pipe")  # copying it would wait for ever
    with pytest.raises(ConfigError, match=r"no plugin\.toml"):
        simulate(SimulateOptions("binpack", streams, plugins=(disk,)))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"policies": ("best-fits",)}, "best-fit"),
        ({"play": Options(lists=("three",))}, "no group of streams 'three'"),
        ({"resume": True}, "--out"),
        ({"png": True}, "--out"),
        ({"plugins": (Path("nowhere"),)}, "nowhere"),
    ],
)
def test_what_cannot_be_run_is_said_before_anything_runs(streams: Path, options: dict, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        simulate(SimulateOptions("binpack", streams, **options))
