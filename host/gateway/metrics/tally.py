"""Counters and histograms for what happens at every call: counted in plain dictionaries, made metrics when somebody looks.

prometheus-client's own take a lock and some forty steps to count one; these are for the event loop's thread alone.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class Count(Collector):
    """How often something happened, by its labels."""

    def __init__(self, name: str, what: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        self._name, self._what, self._labels = name, what, labels
        self._counts: defaultdict[tuple[str, ...], int] = defaultdict(int)
        registry.register(self)

    def add(self, *labels: str) -> None:
        """Once more."""
        self._counts[labels] += 1

    def collect(self) -> Iterable[Metric]:
        """For the registry."""
        family = CounterMetricFamily(self._name, self._what, labels=self._labels)
        for labels, count in list(self._counts.items()):
            family.add_metric(labels, count)
        yield family


@dataclass(slots=True)
class _Buckets:
    counts: list[int]
    total: float = 0.0


class Spread(Collector):
    """How values spread over buckets, by their labels.

    Args:
        bounds: The upper bounds of the buckets, rising; what is above them all has one more.
    """

    def __init__(
        self,
        name: str,
        what: str,
        labels: Sequence[str],
        registry: CollectorRegistry,
        *,
        bounds: Sequence[float],
    ) -> None:
        self._name, self._what, self._labels, self._bounds = name, what, labels, bounds
        self._found: dict[tuple[str, ...], _Buckets] = {}
        registry.register(self)

    def observe(self, value: float, *labels: str) -> None:
        """One more."""
        found = self._found.get(labels)
        if found is None:
            found = self._found[labels] = _Buckets([0] * (len(self._bounds) + 1))
        found.counts[bisect_left(self._bounds, value)] += 1
        found.total += value

    def collect(self) -> Iterable[Metric]:
        """For the registry."""
        family = HistogramMetricFamily(self._name, self._what, labels=self._labels)
        names = [_shown(each) for each in (*self._bounds, float("inf"))]
        for labels, found in list(self._found.items()):
            counts = list(zip(names, accumulate(found.counts), strict=True))
            family.add_metric(labels, counts, found.total)
        yield family


def _shown(bound: float) -> str:
    """A bound as prometheus-client writes it, so that series go on as they were."""
    return str(floatToGoString(bound))  # type: ignore[no-untyped-call]
