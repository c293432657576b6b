"""What is read from the host when somebody asks: its plugins, its history, itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from host.gateway.api import HostApi
from host.gateway.metrics.figures import NAMES
from host.gateway.streams.hub import Hub

STATES = (
    "discovered",
    "verifying",
    "starting",
    "warming",
    "ready",
    "degraded",
    "backoff",
    "stopping",
    "stopped",
    "quarantined",
)
BREAKERS = {"closed": 0, "halfOpen": 1, "open": 2}

# Member of the view, name of the figure, what it is, and whether it only grows.
PER_PLUGIN: tuple[tuple[str, str, str, bool], ...] = (
    ("calls", "plugin_calls", "Calls to a plugin.", True),
    ("failures", "plugin_failures", "Calls to a plugin that failed.", True),
    ("late", "plugin_late", "Calls to a plugin that were late.", True),
    ("restarts", "plugin_restarts", "Starts of a plugin after its first.", True),
    ("cpuSeconds", "plugin_cpu_seconds", "Processor time of a plugin's process.", True),
    ("memoryBytes", "plugin_memory_bytes", "Memory of a plugin.", False),
    ("inFlight", "plugin_in_flight", "Calls a plugin is at.", False),
    ("queued", "plugin_queue_depth", "Calls that wait for a plugin.", False),
    ("trainedPoints", "plugin_trained_points", "Points a plugin was trained on.", False),
)


class HostCollector(Collector):
    """One look at the host a scrape."""

    def __init__(self, api: HostApi, hub: Hub, take_stall_s: Callable[[], float]) -> None:
        self._api = api
        self._hub = hub
        self._take_stall_s = take_stall_s

    def describe(self) -> Iterable[Metric]:
        return ()  # nothing is asked of the host before it is up

    def collect(self) -> Iterator[Metric]:
        ready, _ = self._api.ready()
        yield _one("ready", "Whether requests are answered now.", int(ready))
        yield _one(
            "loop_stall_worst_seconds", "Latest the loop woke up since the last scrape.", self._take_stall_s()
        )
        yield _one("subscriptions", "Subscriptions to events.", len(self._hub))
        dropped = CounterMetricFamily("engine_ops_events_dropped", "Events that slow readers lost.")
        dropped.add_metric([], self._hub.dropped)
        yield dropped
        yield from self._cache()
        yield from self._engine()
        yield from self._history()
        views = [msgspec.to_builtins(view) for view in list(self._api.plugins())[:NAMES]]
        yield from _states(views)
        for member, name, what, grows in PER_PLUGIN:
            family = (CounterMetricFamily if grows else GaugeMetricFamily)(
                f"engine_ops_{name}", what, labels=["plugin"]
            )
            for view in views:
                if view.get(member) is not None:
                    family.add_metric([view["name"]], view[member])
            yield family
        yield from _learning(views)

    def _cache(self) -> Iterator[Metric]:
        stats = self._api.cache_statistics()
        for name in ("hits", "misses", "evictions"):
            family = CounterMetricFamily(f"engine_ops_cache_{name}", f"Cache of answers: {name}.")
            family.add_metric([], stats.get(name, 0))
            yield family
        yield _one("cache_size", "Answers in the cache.", stats.get("size", 0))

    def _engine(self) -> Iterator[Metric]:
        engine: Mapping[str, Any] = self._api.host_info().get("engine", {})
        admission: Mapping[str, Any] = engine.get("admission", {})
        outcomes = CounterMetricFamily(
            "engine_ops_admissions", "Requests, by whether there was a place for them.", labels=["outcome"]
        )
        for outcome in ("admitted", "waited", "alone", "refused"):
            outcomes.add_metric([outcome], admission.get(outcome, 0))
        yield outcomes
        yield _one("requests_in_flight", "Requests that are worked on.", admission.get("inFlight", 0))
        yield _one("requests_queued", "Requests that wait for a place.", admission.get("queued", 0))
        ratio = GaugeMetricFamily(
            "engine_ops_adviser_cost_ratio",
            "Realised cost of an adviser's decisions over the built-in's.",
            labels=["adviser"],
        )
        aside = GaugeMetricFamily(
            "engine_ops_adviser_aside", "1 while an adviser is not followed.", labels=["adviser"]
        )
        for name, adviser in list(engine.get("advisers", {}).items())[:NAMES]:
            ratio.add_metric([name], adviser["costRatio"])
            aside.add_metric([name], int(adviser["state"] == "aside"))
        yield ratio
        yield aside

    def _history(self) -> Iterator[Metric]:
        history = msgspec.to_builtins(self._api.host_info().get("history", {}))
        yield _one("history_points", "Points of history kept.", history.get("points", 0))
        yield _one("history_queued", "Points handed over and not yet written.", history.get("queued", 0))
        durable = int(history.get("durable", False))
        yield _one("history_durable", "Whether acknowledged points are on disk.", durable)
        for name, member, what in (
            ("recorded", "recorded", "Points recorded."),
            ("lost", "lost", "Requests of the host's own that could not be written."),
            ("failed_commits", "failedCommits", "Groups of points that could not be written."),
        ):
            family = CounterMetricFamily(f"engine_ops_history_{name}", what)
            family.add_metric([], history.get(member, 0))
            yield family


def _states(views: list[dict[str, Any]]) -> Iterator[Metric]:
    states = GaugeMetricFamily(
        "engine_ops_plugin_state", "1 for the state a plugin is in.", labels=["plugin", "state"]
    )
    breakers = GaugeMetricFamily(
        "engine_ops_plugin_breaker",
        "Circuit breaker of a plugin's method: 0 closed, 1 half open, 2 open.",
        labels=["plugin", "method"],
    )
    for view in views:
        for state in STATES:
            states.add_metric([view["name"], state], int(view.get("state") == state))
        for method, breaker in sorted((view.get("breakers") or {}).items()):
            stands = breaker.get("state") if isinstance(breaker, dict) else breaker
            breakers.add_metric([view["name"], method], BREAKERS.get(str(stands), 0))
    yield states
    yield breakers


def _learning(views: list[dict[str, Any]]) -> Iterator[Metric]:
    """How far behind the plugins are that outcomes are sent to, and how their trainings were judged."""
    behind = GaugeMetricFamily(
        "engine_ops_plugin_learn_behind_points",
        "Recorded points a plugin has yet to learn.",
        labels=["plugin"],
    )
    counters = {
        "missed": ("plugin_learn_missed_points", "Points let go of before a plugin had learned them."),
        "trainings": ("plugin_trainings", "Trainings of a plugin."),
        "rejected": (
            "plugin_trainings_rejected",
            "New models that did worse than the one they would replace.",
        ),
    }
    families = {
        member: CounterMetricFamily(f"engine_ops_{name}", what, labels=["plugin"])
        for member, (name, what) in counters.items()
    }
    for view in views:
        learning = view.get("learning") or {}
        if (points := learning.get("behind")) is not None:
            behind.add_metric([view["name"]], points)
            families["missed"].add_metric([view["name"]], learning.get("missed", 0))
        if "train" in view.get("capabilities", ()):
            for member in ("trainings", "rejected"):
                families[member].add_metric([view["name"]], learning.get(member, 0))
    yield behind
    yield from families.values()


def _one(name: str, what: str, value: float) -> Metric:
    family = GaugeMetricFamily(f"engine_ops_{name}", what)
    family.add_metric([], value)
    return family
