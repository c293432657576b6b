"""What is counted as calls go by."""

from __future__ import annotations

from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from host import __version__
from host.gateway.metrics.tally import Count, Spread
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
        self.causes = Names(50)
        # A value that is known stays as it is, so it need not be worked out again.
        self._who = lru_cache(maxsize=2 * NAMES)(lambda by: self.names(decider(by)))

        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(f"engine_ops_{name}", what, labels, registry=self.registry)

        def histogram(name: str, what: str, *labels: str) -> Histogram:
            return Histogram(f"engine_ops_{name}", what, labels, buckets=SECONDS, registry=self.registry)

        def gauge(name: str, what: str, *labels: str) -> Gauge:
            return Gauge(f"engine_ops_{name}", what, labels, registry=self.registry)

        def count(name: str, what: str, *labels: str) -> Count:
            return Count(f"engine_ops_{name}", what, labels, self.registry)

        def spread(name: str, what: str, *labels: str) -> Spread:
            return Spread(f"engine_ops_{name}", what, labels, self.registry, bounds=SECONDS)

        self.calls = count("calls", "JSON-RPC calls and optimize requests, by outcome.", "method", "outcome")
        self.call_seconds = spread("call_seconds", "Time a call took.", "method")
        self.http = count("http_requests", "HTTP requests, by route and status.", "route", "status")
        self.connections = gauge("connections", "Connections open now.")
        self.connections_refused = counter("connections_refused", "Connections over the cap.")
        self.decisions = count("decisions", "Answers, by who decided.", "type", "decider")
        self.decision_seconds = spread("decision_seconds", "Time a decision took.", "type")
        self.wins = count(
            "wins", "Answers of a plugin that were better than the built-in's.", "type", "plugin"
        )
        self.fallbacks = count("fallbacks", "Answers of a built-in after a plugin was asked.", "type")
        self.degraded = count("degraded", "Answers with a weaker set of plugins than wanted.", "type")
        self.candidates = count("candidates", "What became of those asked.", "by", "status")
        self.deaths = counter("plugin_deaths", "Ends of a plugin's process, by cause.", "plugin", "cause")
        self.unauthorized = counter("unauthorized", "Requests without a token that holds.")
        self.rate_limited = counter("rate_limited", "Requests over a caller's rate.")
        self.stall = histogram("loop_stall_seconds", "How late the event loop woke up.")
        info = gauge("build_info", "1, with the version as a label.", "version")
        info.labels(__version__).set(1)

    def answered(self, route: str, status: int) -> None:
        """One HTTP request."""
        self.http.add(route, str(status))

    def called(self, method: str, outcome: str, seconds: float) -> None:
        """One call."""
        self.calls.add(method, outcome)
        self.call_seconds.observe(seconds, method)

    def decided(self, request: OptimizeRequest, answer: Answer, seconds: float) -> None:
        """One answer, good or bad."""
        kind = request.type
        who = self._who(answer.decided_by)
        self.decisions.add(kind, who)
        self.decision_seconds.observe(seconds, kind)
        if answer.degraded:
            self.degraded.add(kind)
        by_plugin = answer.decided_by is not None and not answer.decided_by.startswith("builtin:")
        asked = False
        own: list[list[float]] = []
        for each in answer.candidates:
            by = each.by
            self.candidates.add(self._who(by), each.status)
            if not by.startswith("builtin:"):
                asked = True
            elif each.objective is not None:
                own.append(each.objective)
        if by_plugin:
            if answer.objective is not None and own and answer.objective < min(own):
                self.wins.add(kind, who)
        elif asked:
            self.fallbacks.add(kind)
