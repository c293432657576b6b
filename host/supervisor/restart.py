"""When to start a plugin again, and when to give up.

Source: restart intensity and period as in Erlang/OTP's supervisor behaviour; exponential back-off with full
jitter as in Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog (2015).
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class RestartPolicy:
    """Delays in seconds.

    Attributes:
        intensity: Starts allowed within `period_s`; one more and the plugin is quarantined.
        quarantine_s: Until the slow retry of a quarantined plugin.
        calm_s: A process that lived this long wipes out what was before.
    """

    base_s: float = 0.5
    cap_s: float = 30.0
    intensity: int = 5
    period_s: float = 60.0
    quarantine_s: float = 300.0
    calm_s: float = 600.0


@dataclass
class RestartHistory:
    """The starts of one plugin, as the policy counts them. Time and chance come in as values."""

    policy: RestartPolicy
    failures: int = 0
    starts: list[float] = field(default_factory=list)

    def started(self, now: float) -> None:
        """Counts a start."""
        self.starts = [each for each in self.starts if each > now - self.policy.period_s]
        self.starts.append(now)

    def spent(self, now: float) -> bool:
        """Whether another start now would be one too many."""
        recent = sum(1 for each in self.starts if each > now - self.policy.period_s)
        return recent >= self.policy.intensity

    def delay_after_exit(self, lived_s: float, chance: float) -> float:
        """Seconds to wait before the next start, for a process that lived *lived_s*.

        Args:
            chance: In [0, 1); full jitter draws the delay between zero and the back-off.
        """
        if lived_s >= self.policy.calm_s:
            self.forgive()
        backoff = min(self.policy.cap_s, self.policy.base_s * 2.0 ** min(self.failures, 32))
        self.failures += 1
        return backoff * chance

    def forgive(self) -> None:
        """Forgets what was: after calm, or when an operator starts it by hand."""
        self.failures = 0
        self.starts.clear()
