"""Spans for OpenTelemetry, where it is installed and told where to send them; nothing at all elsewhere.

The host's own trace ids are those of the spans: what a caller sent as `traceparent` is their parent.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from host.errors import ConfigError
from host.telemetry.trace import Trace


@dataclass(frozen=True, slots=True)
class TracingConfig:
    """Where spans go.

    Attributes:
        otlp_endpoint: URL of a collector that takes OTLP over HTTP, such as "http://127.0.0.1:4318/v1/traces";
            empty for no traces.
        sample: The share of the traces begun here that are recorded; those begun elsewhere follow their flag.
    """

    otlp_endpoint: str = ""
    sample: float = 1.0

    def __post_init__(self) -> None:
        if self.sample > 1:
            raise ValueError(f"sample is {self.sample}; give a share above 0 and up to 1")
        if self.otlp_endpoint and not self.otlp_endpoint.startswith(("http://", "https://")):
            raise ValueError('otlp_endpoint is no URL; give one such as "http://127.0.0.1:4318/v1/traces"')


class Tracer:
    """Records spans with an OpenTelemetry provider, or does nothing without one."""

    def __init__(self, provider: Any = None) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("engine-ops") if provider is not None else None

    @property
    def is_on(self) -> bool:
        """Whether there is a provider."""
        return self._tracer is not None

    @contextlib.contextmanager
    def span(
        self, name: str, trace: Trace, attributes: Mapping[str, Any] | None = None
    ) -> Iterator[Trace | None]:
        """What is done inside, as one span below the caller's; yields its step, or `None` without a provider."""
        if self._tracer is None:
            yield None
            return
        from opentelemetry import trace as api

        parent = None
        if trace.parent_id is not None:
            above = api.SpanContext(
                int(trace.trace_id, 16),
                int(trace.parent_id, 16),
                is_remote=True,
                trace_flags=api.TraceFlags(int(trace.sampled)),
            )
            parent = api.set_span_in_context(api.NonRecordingSpan(above))
        with self._tracer.start_as_current_span(
            name, context=parent, attributes=dict(attributes or {}), kind=api.SpanKind.SERVER
        ) as span:
            own = span.get_span_context()
            yield Trace(
                format(own.trace_id, "032x"),
                format(own.span_id, "016x"),
                bool(own.trace_flags),
                trace.parent_id,
            )

    def close(self) -> None:
        """Sends what has not been sent yet; bounded by the exporter's own time-out."""
        if self._provider is not None:
            self._provider.shutdown()


def open_tracer(config: TracingConfig) -> Tracer:
    """A tracer as the settings want it.

    Raises:
        ConfigError: Traces are wanted, and the extra `otel` is not installed.
    """
    if not config.otlp_endpoint:
        return Tracer()
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
    except ImportError as error:
        raise ConfigError(
            "tracing.otlp_endpoint is set, and OpenTelemetry is not installed; pip install 'engine-ops[otel]'"
        ) from error
    provider = TracerProvider(
        resource=Resource.create({"service.name": "engine-ops"}),
        sampler=ParentBased(TraceIdRatioBased(config.sample)),
    )
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(endpoint=config.otlp_endpoint, timeout=5))
    )
    return Tracer(provider)
