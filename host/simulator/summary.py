"""Outcomes made into rows: a decider on a group of cases, and on all of them, against the first decider."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from host.simulator.outcome import Outcome
from host.simulator.play import Metric
from host.simulator.statistics import deviation, mean, paired, quantile

ALL = "all"


class Row(msgspec.Struct, rename="camel"):
    """A decider on a group.

    Fields:
        mean, sd: Of the task's metric over the cases.
        difference, half_width: Mean paired difference to the first decider, and half of its 95 % interval.
        better: Whether the whole interval lies on the good side; `None` where that cannot be said.
        metrics: Means of all metrics; "max ..." are maxima.
    """

    group: str
    decider: str
    cases: int
    mean: float
    sd: float
    difference: float | None
    half_width: float | None
    better: bool | None
    metrics: dict[str, float]
    decisions: int
    decision_us: float
    p50_ms: float | None
    p99_ms: float | None
    calls: int
    failures: int
    fallbacks: int
    seconds: float


class Summary(msgspec.Struct, rename="camel"):
    """All that is known of a run."""

    task: str
    data: str
    metric: str
    unit: str
    higher_is_better: bool
    compared_with: str
    complete: bool
    rows: list[Row]


def summarise(
    task: str, data: str, metric: Metric, names: Sequence[str], outcomes: Sequence[Outcome], complete: bool
) -> Summary:
    """Rows by group in order of first sight, deciders in the order of *names*; at the end all groups together."""
    groups = list(dict.fromkeys(each.case.group for each in outcomes))
    rows = []
    for group in [*groups, ALL] if len(groups) > 1 else groups:
        of_group = [each for each in outcomes if group in (each.case.group, ALL)]
        first = _values([each for each in of_group if each.decider == names[0]], metric)
        for name in names:
            mine = [each for each in of_group if each.decider == name]
            if mine:
                rows.append(_row(group, name, mine, first if name != names[0] else None, metric))
    return Summary(
        task,
        data,
        metric.name,
        metric.unit,
        metric.higher_is_better,
        names[0] if names else "",
        complete,
        rows,
    )


def _values(outcomes: Sequence[Outcome], metric: Metric) -> dict[str, float]:
    return {each.case.key: each.played.metrics[metric.name] for each in outcomes}


def _row(
    group: str, name: str, mine: Sequence[Outcome], first: dict[str, float] | None, metric: Metric
) -> Row:
    values = _values(mine, metric)
    compared = paired(values, first) if first else None
    better: bool | None = None
    if compared is not None and compared.half_width is not None:
        good = compared.mean if metric.higher_is_better else -compared.mean
        better = True if good > compared.half_width else False if good < -compared.half_width else None
    latencies = sorted(ms for each in mine if each.advised for ms in each.advised.latencies_ms)
    decisions = sum(each.played.decisions for each in mine)
    seconds = sum(each.seconds for each in mine)
    advised = [each.advised for each in mine if each.advised]
    return Row(
        group=group,
        decider=name,
        cases=len(mine),
        mean=mean(list(values.values())),
        sd=deviation(list(values.values())),
        difference=None if compared is None else compared.mean,
        half_width=None if compared is None else compared.half_width,
        better=better,
        metrics=_metrics(mine),
        decisions=decisions,
        decision_us=1e6 * seconds / max(decisions, 1),
        p50_ms=quantile(latencies, 0.5) if latencies else None,
        p99_ms=quantile(latencies, 0.99) if latencies else None,
        calls=sum(each.calls for each in advised),
        failures=sum(each.failures for each in advised),
        fallbacks=sum(each.played.fallbacks for each in mine),
        seconds=seconds,
    )


def _metrics(mine: Sequence[Outcome]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name in mine[0].played.metrics:
        values = [each.played.metrics[name] for each in mine if name in each.played.metrics]
        found[name] = max(values) if name.startswith("max ") else mean(values)
    return found


COLUMNS = (
    "group", "decider", "cases", "mean", "sd", "difference", "max wait h", "utilisation %",
    "us/decision", "p50 ms", "p99 ms", "calls", "failures", "fallbacks", "seconds",
)  # fmt: skip


def table(summary: Summary) -> list[list[object]]:
    """The rows as cells of `COLUMNS`."""
    return [
        [
            row.group or "-", row.decider, row.cases, f"{row.mean:.2f}", f"{row.sd:.2f}", _difference(row),
            _fixed(row.metrics.get("max wait h"), 1), _fixed(row.metrics.get("utilisation"), 1),
            f"{row.decision_us:.0f}", _fixed(row.p50_ms, 2), _fixed(row.p99_ms, 2),
            row.calls, row.failures, row.fallbacks, f"{row.seconds:.1f}",
        ]
        for row in summary.rows
    ]  # fmt: skip


def _fixed(value: float | None, digits: int) -> str | None:
    return None if value is None else f"{value:.{digits}f}"


def _difference(row: Row) -> str | None:
    if row.difference is None:
        return None
    width = "" if row.half_width is None else f" +-{row.half_width:.2f}"
    mark = {True: " better", False: " worse", None: ""}[row.better]
    return f"{row.difference:+.2f}{width}{mark}"
