"""What becomes an event: decisions and predictions as they are made, plugins' states, logs, training, figures."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection
from typing import Any

import msgspec

from host.gateway.api import HostApi, LogMark
from host.gateway.streams.hub import Hub
from host.gateway.traffic import Traffic
from host.registry.events import PluginEvent
from host.telemetry.logs import extras
from host.telemetry.stall import StallWatch
from plugin_sdk.contract.answers import Answer
from plugin_sdk.contract.problems.request import OptimizeRequest

FIGURES_S = 1.0  # between two events of the topic `metrics`
FOLLOW_S = 0.25  # between two looks at the plugins' logs, while somebody listens
# Events of the log that are about training.
TRAINING = ("plugin.trained", "plugin.not_trained", "plugin.teaching", "plugin.train", "training.", "drift.")


class Sources:
    """Feeds a hub. Nothing is made where nobody listens, but for what is kept for those who come back."""

    def __init__(self, api: HostApi, hub: Hub, traffic: Traffic, stall: StallWatch) -> None:
        self._api = api
        self._hub = hub
        self._traffic = traffic
        self._stall = stall
        self._marks: dict[str, LogMark] | None = None
        hub.joined = self._joined

    def decided(self, request: OptimizeRequest, answer: Answer, seconds: float) -> None:
        """A request was answered. The result itself stays out: it may be large, and has gone to who asked."""
        told: dict[str, Any] = {
            "requestId": answer.request_id,
            "type": request.type,
            "success": answer.success,
            "decidedBy": answer.decided_by,
            "strategy": answer.strategy,
            "objective": answer.objective,
            "score": answer.metrics.score,
            "degraded": answer.degraded,
            "durationMs": round(seconds * 1000.0, 3),
            "candidates": {each.by: each.status for each in answer.candidates},
        }
        self._hub.publish("decisions", told, request.type)
        if request.type == "ml-driven" and answer.result is not None:
            prediction = {name: answer.result.get(name) for name in ("prediction", "modelId")}
            who = answer.decided_by or ""
            self._hub.publish(
                "predictions", {"requestId": answer.request_id, "decidedBy": who, **prediction}, who
            )

    def plugin_event(self, event: PluginEvent) -> None:
        """Something happened to a plugin."""
        told = {"event": event.topic, "plugin": event.plugin, "atMs": event.at_ms, **event.detail}
        self._hub.publish("training" if event.topic == "plugin:progress" else "plugins", told, event.plugin)

    async def run(self) -> None:
        """Logs and figures, for as long as the host runs."""
        handler = _ToHub(self._hub, asyncio.get_running_loop())
        logging.getLogger().addHandler(handler)
        since_figures = 0.0
        try:
            while True:
                await asyncio.sleep(FOLLOW_S)
                if self._hub.wanted("logs"):
                    self._follow()
                else:
                    self._marks = None
                since_figures += FOLLOW_S
                if since_figures >= FIGURES_S:
                    since_figures = 0.0
                    if self._hub.wanted("metrics"):
                        self._hub.publish("metrics", self._figures())
        finally:
            logging.getLogger().removeHandler(handler)

    def _joined(self, topics: Collection[str]) -> None:
        if "logs" in topics and self._marks is None:
            self._follow()  # from here on: what is written before the next look is news

    def _follow(self) -> None:
        """What plugins wrote since the last look, and how many lines were too many to be kept until this one.

        The first look only notes what is there; of a plugin that is new at a later one, everything is news.
        """
        before, marks = self._marks, {}
        for view in self._api.plugins():
            name = msgspec.to_builtins(view)["name"]
            news = self._api.log_news(name, None if before is None else before.get(name, {}))
            marks[name] = news.mark
            if news.lost:
                self._hub.publish("logs", {"source": "plugin", "plugin": name, "lost": news.lost}, name)
            for line in news.lines:
                self._hub.publish("logs", {"source": "plugin", "plugin": name, "line": line}, name)
        self._marks = marks

    def _figures(self) -> dict[str, Any]:
        ready, _ = self._api.ready()
        names = ("name", "state", "calls", "failures", "late", "p50Ms", "p99Ms", "memoryBytes", "restarts")
        views = [msgspec.to_builtins(view) for view in self._api.plugins()]
        return {
            "ready": ready,
            "requests": self._traffic.to_dict(),
            "loopStallMs": round(self._stall.worst_s * 1000.0, 3),
            "plugins": [{name: view[name] for name in names if name in view} for view in views],
        }


class _ToHub(logging.Handler):
    """The host's own log lines, from whatever thread they come."""

    def __init__(self, hub: Hub, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(logging.INFO)
        self._hub = hub
        self._loop = loop

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended; so has everyone who listened
            self._loop.call_soon_threadsafe(self._publish, record)

    def _publish(self, record: logging.LogRecord) -> None:
        event = record.getMessage()
        told = {"source": "host", "level": record.levelname.lower(), "event": event, **extras(record)}
        try:
            data = msgspec.Raw(msgspec.json.encode(told, enc_hook=repr))
        except (ValueError, OverflowError, RecursionError):
            return
        self._hub.publish("logs", data, event)
        if event.startswith(TRAINING):
            self._hub.publish("training", data, str(told.get("plugin", "")))
