"""The page of a back-test: table and plots in one file that asks for no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from host.simulator.outcome import Outcome
from host.simulator.report.svg import bars, lines
from host.simulator.summary import Summary
from host.simulator.table import failed, parts

_STYLE = """body{font:14px/1.5 sans-serif;margin:2em auto;max-width:1200px;padding:0 1em;color:#222}
table{border-collapse:collapse;display:block;overflow-x:auto}td,th{padding:2px 8px;border-bottom:1px solid #ddd;text-align:right}
td:nth-child(-n+2),th:nth-child(-n+2){text-align:left}td{white-space:nowrap}svg{max-width:100%;height:auto}.all{font-weight:bold}"""


def page(summary: Summary, outcomes: Sequence[Outcome]) -> str:
    """The whole page."""
    direction = "higher" if summary.higher_is_better else "lower"
    unit = f" ({summary.unit})" if summary.unit else ""
    unfinished = (
        "" if summary.complete else "<p><strong>It was stopped early; this is what was known.</strong></p>"
    )
    faults = "".join(f"<p>{escape(line)}</p>" for line in [*summary.notes, *failed(summary)])
    plots = "".join(
        f"<h2>{escape(title)}</h2><figure>{svg}</figure>" for title, svg in figures(outcomes).items()
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(summary.task)} back-test</title>'
        f"<style>{_STYLE}</style><h1>{escape(summary.task)} on {escape(summary.data)}</h1>{unfinished}"
        f"<p>Means of <em>{escape(summary.metric)}</em>{escape(unit)}, {direction} is better; differences are to"
        f" <em>{escape(summary.compared_with)}</em> on the same cases, with 95 % intervals.</p>"
        f"{_table(summary)}{faults}{plots}</html>\n"
    )


def _table(summary: Summary) -> str:
    [(columns, rows)] = parts(summary, together=True)
    head = "".join(f"<th>{escape(each)}</th>" for each in columns)
    body = "".join(
        f"<tr{' class=all' if row[0] == 'all' else ''}>"
        + "".join(f"<td>{'' if each is None else escape(str(each)).replace('+-', '±')}</td>" for each in row)
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def figures(outcomes: Sequence[Outcome]) -> Mapping[str, str]:
    """SVG by heading: each kind of curve for each group's first case, a line a decider; and the schedules."""
    found: dict[str, str] = {}
    for (where, title), series in curves(outcomes).items():
        found[f"{where}: {title}"] = lines(series, title)
    for (where, title), rows in schedules(outcomes).items():
        found[f"{where}: {title}"] = bars(rows, title)
    return found


def schedules(outcomes: Sequence[Outcome]) -> dict[tuple[str, str], list[tuple[int, float, float, str]]]:
    """Bars by where they are of, case and decider, and title: a window of each one's schedule."""
    return {
        (f"{each.case.key} under {each.decider}", each.played.bars_title): each.played.bars
        for each in first_cases(outcomes)
        if each.played.bars
    }


def curves(outcomes: Sequence[Outcome]) -> dict[tuple[str, str], dict[str, list[tuple[float, float]]]]:
    """Points by case and title, and in those by decider."""
    found: dict[tuple[str, str], dict[str, list[tuple[float, float]]]] = {}
    for each in first_cases(outcomes):
        for name, points in each.played.curves.items():
            found.setdefault((each.case.key, name), {})[each.decider] = points
    return found


def first_cases(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes of each group's first case."""
    first: dict[str, str] = {}
    for each in outcomes:
        first.setdefault(each.case.group, each.case.key)
    return [each for each in outcomes if first[each.case.group] == each.case.key]
