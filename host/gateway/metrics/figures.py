"""What is counted as calls go by."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from host import __version__
from plugin_sdk.contract.answers import Answer
from plugin_sdk.contract.problems.request import OptimizeRequest

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
NAMES = 200  # distinct plugins in labels; further ones are one value together
OTHER = "(other)"


class Names:
    """The values of one label, as many as there may be."""

    def __init__(self, most: int = NAMES) -> None:
        self._most = most
        self._known: set[str] = set()

    def __call__(self, name: str) -> str:
        if name not in self._known:
            if len(self._known) >= self._most:
                return OTHER
            self._known.add(name)
        return name


def decider(by: str | None) -> str:
    """Who decided, without a version: versions come and go without bound."""
    return "nobody" if by is None else by.partition("@")[0]


class Figures:
    """The instruments of one host, in a registry of their own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter, which nothing here asks for
        self.registry = CollectorRegistry(auto_describe=True)
        self.names = Names()
        self._children: dict[tuple[Any, tuple[str, ...]], Any] = {}
        self.causes = Names(50)

        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(f"engine_ops_{name}", what, labels, registry=self.registry)

        def histogram(name: str, what: str, *labels: str) -> Histogram:
            return Histogram(f"engine_ops_{name}", what, labels, buckets=SECONDS, registry=self.registry)

        def gauge(name: str, what: str, *labels: str) -> Gauge:
            return Gauge(f"engine_ops_{name}", what, labels, registry=self.registry)

        self.calls = counter(
            "calls", "JSON-RPC calls and optimize requests, by outcome.", "method", "outcome"
        )
        self.call_seconds = histogram("call_seconds", "Time a call took.", "method")
        self.http = counter("http_requests", "HTTP requests, by route and status.", "route", "status")
        self.connections = gauge("connections", "Connections open now.")
        self.connections_refused = counter("connections_refused", "Connections over the cap.")
        self.decisions = counter("decisions", "Answers, by who decided.", "type", "decider")
        self.decision_seconds = histogram("decision_seconds", "Time a decision took.", "type")
        self.wins = counter(
            "wins", "Answers of a plugin that were better than the built-in's.", "type", "plugin"
        )
        self.fallbacks = counter("fallbacks", "Answers of a built-in after a plugin was asked.", "type")
        self.degraded = counter("degraded", "Answers with a weaker set of plugins than wanted.", "type")
        self.candidates = counter("candidates", "What became of those asked.", "by", "status")
        self.deaths = counter("plugin_deaths", "Ends of a plugin's process, by cause.", "plugin", "cause")
        self.unauthorized = counter("unauthorized", "Requests without a token that holds.")
        self.rate_limited = counter("rate_limited", "Requests over a caller's rate.")
        self.stall = histogram("loop_stall_seconds", "How late the event loop woke up.")
        info = gauge("build_info", "1, with the version as a label.", "version")
        info.labels(__version__).set(1)

    def _child(self, metric: Any, *labels: str) -> Any:
        """The series of one set of labels; to find it costs more than to count."""
        found = self._children.get((metric, labels))
        if found is None:
            found = self._children[metric, labels] = metric.labels(*labels)
        return found

    def answered(self, route: str, status: int) -> None:
        """One HTTP request."""
        self._child(self.http, route, str(status)).inc()

    def called(self, method: str, outcome: str, seconds: float) -> None:
        """One call."""
        self._child(self.calls, method, outcome).inc()
        self._child(self.call_seconds, method).observe(seconds)

    def decided(self, request: OptimizeRequest, answer: Answer, seconds: float) -> None:
        """One answer, good or bad."""
        kind = request.type
        who = self.names(decider(answer.decided_by))
        self._child(self.decisions, kind, who).inc()
        self._child(self.decision_seconds, kind).observe(seconds)
        if answer.degraded:
            self._child(self.degraded, kind).inc()
        by_plugin = answer.decided_by is not None and not answer.decided_by.startswith("builtin:")
        asked = False
        own: list[list[float]] = []
        for each in answer.candidates:
            self._child(self.candidates, self.names(decider(each.by)), each.status).inc()
            if not each.by.startswith("builtin:"):
                asked = True
            elif each.objective is not None:
                own.append(each.objective)
        if by_plugin:
            if answer.objective is not None and own and answer.objective < min(own):
                self.wins.labels(kind, who).inc()
        elif asked:
            self.fallbacks.labels(kind).inc()
