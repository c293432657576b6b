"""What is counted here reads the same as prometheus-client's own instruments."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest

from host.gateway.metrics.tally import Count, Spread

BOUNDS = (0.0005, 0.01, 0.1, 1.0, 30.0)
LABELS = st.tuples(st.sampled_from(["scheduling", 'odd "name"\n']), st.sampled_from(["a", "b"]))


@given(st.lists(LABELS))
def test_a_count_is_shown_as_a_counter_is(happened):
    disable_created_metrics()
    theirs, ours = CollectorRegistry(auto_describe=True), CollectorRegistry(auto_describe=True)
    counter = Counter("calls", "Calls.", ["type", "by"], registry=theirs)
    count = Count("calls", "Calls.", ["type", "by"], ours)
    for labels in happened:
        counter.labels(*labels).inc()
        count.add(*labels)
    assert generate_latest(ours) == generate_latest(theirs)


@given(st.lists(st.tuples(st.sampled_from(["x", "y"]), st.sampled_from([0.0, *BOUNDS, 0.02, 99.0]))))
def test_a_spread_is_shown_as_a_histogram_is(happened):
    disable_created_metrics()
    theirs, ours = CollectorRegistry(auto_describe=True), CollectorRegistry(auto_describe=True)
    histogram = Histogram("took_seconds", "Time.", ["method"], buckets=BOUNDS, registry=theirs)
    spread = Spread("took_seconds", "Time.", ["method"], ours, bounds=BOUNDS)
    for label, value in happened:
        histogram.labels(label).observe(value)
        spread.observe(value, label)
    assert generate_latest(ours) == generate_latest(theirs)
