"""Outcomes made into rows: a decider on a group of cases, and on all of them, against the first decider."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from host.simulator.outcome import Outcome
from host.simulator.play import Metric
from host.simulator.statistics import deviation, mean, paired, pooled_quantile

ALL = "all"
ERRORS_KEPT = 5


class Row(msgspec.Struct, rename="camel"):
    """A decider on a group.

    Fields:
        mean, sd: Of the task's metric over the cases.
        difference, half_width: Mean paired difference to the first decider, and half of its 95 % interval.
        better: Whether the whole interval lies on the good side; `None` where that cannot be said.
        metrics: Means of all metrics; "max ..." are maxima.
        decisions, decision_us: How many there were, and the time of playing them over their number.
        p50_ms, p99_ms: Of the plugin's answers.
        failures, late, abstained: Calls without a usable answer; of those, what was too late; and calls answered by "no".
        fallbacks: Decisions that the built-in made in the plugin's place.
        errors: Why the first few calls failed.
        seconds: Of playing alone.
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
    late: int = 0
    abstained: int = 0
    errors: list[str] = []


class Summary(msgspec.Struct, rename="camel"):
    """All that is known of a run.

    Fields:
        notes: What must be known of the data.
    """

    task: str
    data: str
    metric: str
    unit: str
    higher_is_better: bool
    compared_with: str
    complete: bool
    rows: list[Row]
    notes: list[str] = []


def summarise(
    task: str,
    data: str,
    metric: Metric,
    names: Sequence[str],
    outcomes: Sequence[Outcome],
    complete: bool,
    notes: Sequence[str] = (),
) -> Summary:
    """Rows by group in order of first sight, deciders in the order of *names*; at the end all groups together."""
    outcomes = on_one_bound(outcomes, metric)
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
        list(notes),
    )


def on_one_bound(outcomes: Sequence[Outcome], metric: Metric) -> Sequence[Outcome]:
    """Where a metric is over a bound: the same outcomes, all of a case over the best bound that anyone proved for it."""
    if metric.over is None:
        return outcomes
    above, below = metric.over
    best: dict[str, float] = {}
    for each in outcomes:
        best[each.case.key] = max(best.get(each.case.key, 0.0), each.played.metrics[below])
    found = []
    for each in outcomes:
        bound = best[each.case.key]
        value = 100.0 * (each.played.metrics[above] / bound - 1)
        metrics = {**each.played.metrics, metric.name: value, below: bound}
        played = msgspec.structs.replace(each.played, metrics=metrics)
        found.append(msgspec.structs.replace(each, played=played))
    return found


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
    decisions = sum(each.played.decisions for each in mine)
    seconds = sum(each.seconds for each in mine)
    advised = [each.advised for each in mine if each.advised]
    latencies = [(each.latencies_ms, each.timed or len(each.latencies_ms)) for each in advised]
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
        p50_ms=pooled_quantile(latencies, 0.5),
        p99_ms=pooled_quantile(latencies, 0.99),
        calls=sum(each.calls for each in advised),
        failures=sum(each.failures for each in advised),
        fallbacks=sum(each.played.fallbacks for each in mine),
        seconds=seconds,
        late=sum(each.late for each in advised),
        abstained=sum(each.abstained for each in advised),
        errors=list(dict.fromkeys(why for each in advised for why in each.errors))[:ERRORS_KEPT],
    )


def _metrics(mine: Sequence[Outcome]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name in mine[0].played.metrics:
        values = [each.played.metrics[name] for each in mine if name in each.played.metrics]
        found[name] = max(values) if name.startswith("max ") else mean(values)
    return found
