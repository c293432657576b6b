"""The front door's settings, with their units."""

from __future__ import annotations

from dataclasses import dataclass, field

from host.gateway.envelope import EnvelopeLimits


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """What one caller may cost.

    Attributes:
        limits: Of one body. A larger one is refused with 413 before it is read.
        batch_concurrency: Calls of one batch that run at the same time.
        body_timeout_s: For a whole body to arrive, once its headers have; then 408.
        idle_timeout_s: For a whole set of headers to arrive, on a new connection and between requests;
            then the connection is closed.
        shutdown_timeout_s: For answers under way when the host stops.
    """

    limits: EnvelopeLimits = field(default_factory=EnvelopeLimits)
    batch_concurrency: int = 16
    body_timeout_s: float = 30.0
    idle_timeout_s: float = 30.0
    shutdown_timeout_s: float = 20.0
