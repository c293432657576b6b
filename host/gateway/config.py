"""The front door's settings, with their units."""

from __future__ import annotations

from dataclasses import dataclass

from host.gateway.envelope import EnvelopeLimits


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """What one caller may cost, and who may call.

    Attributes:
        max_body_bytes: Of one body. A larger one is refused with 413 before it is read.
        max_depth: Arrays and objects inside each other.
        max_batch: Calls in one batch.
        batch_concurrency: Calls of one batch that run at the same time.
        body_timeout_s: For a whole body to arrive, once its headers have; then 408.
        idle_timeout_s: For a whole set of headers to arrive, on a new connection and between requests;
            then the connection is closed.
        shutdown_timeout_s: For answers under way when the host stops.
        connections: Open at once; further ones are closed at once. Never more than half of the descriptors.
        rate_per_s, burst: Calls by one token, or by one address of another machine; a rate of 0 is none.
            Callers on the loopback without a token are not counted.
        allowed_hosts: Names in Host headers beside those of the loopback and the address bound.
        allowed_origins: Sites whose pages may call, such as "https://ops.example.org".
        access_log: Whether each request is a line in the log.
    """

    max_body_bytes: int = 8 * 1024 * 1024
    max_depth: int = 64
    max_batch: int = 1000
    batch_concurrency: int = 16
    body_timeout_s: float = 30.0
    idle_timeout_s: float = 30.0
    shutdown_timeout_s: float = 20.0
    connections: int = 1000
    rate_per_s: float = 500.0
    burst: int = 1000
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    access_log: bool = False

    @property
    def limits(self) -> EnvelopeLimits:
        """Of one body, as the envelope takes them."""
        return EnvelopeLimits(self.max_body_bytes, self.max_depth, self.max_batch)
