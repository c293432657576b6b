"""A share of the processors for a program that no group holds: run while there is credit, stand still without.

Theory of operation. Credit grows by `cores` a second, up to what `BURST_S` brings, and shrinks by the processor time
that was used. Below nothing the program is to stand still until it has paid back, so what it uses over a longer time
is its share, however late a look comes. Pure: time and use come in as values.

Source: token bucket, RFC 2697; the kernel's own bandwidth control (Turner et al., CPU bandwidth control for CFS, 2010).
"""

from __future__ import annotations

BURST_S = 0.1  # the kernel's own period, see host/sandbox/cgroup/settings.py
LEAST_STAND_S = 0.005  # shorter ones cost more signals than they save


class CpuShare:
    """The account of one program.

    Attributes:
        stands: It is to stand still.
    """

    def __init__(self, cores: float, processors: int) -> None:
        """Args:
        cores: Its share, > 0.
        processors: Of the machine: as fast as that can it use its credit up.
        """
        self._cores = cores
        self._fastest = max(1e-3, processors - cores)
        self._most = cores * BURST_S
        self._credit_s = self._most
        self._last: tuple[float, float] | None = None
        self.stands = False

    def look(self, now: float, used_s: float) -> float:
        """Brings the account up to date; in how many seconds to look again.

        Args:
            used_s: Processor time since it began.
        """
        if self._last is not None:
            then, before_s = self._last
            earned = self._cores * max(0.0, now - then)
            self._credit_s = min(self._most, self._credit_s + earned - max(0.0, used_s - before_s))
        self._last = (now, used_s)
        self.stands = self._credit_s < (self._cores * LEAST_STAND_S if self.stands else 0.0)
        if self.stands:
            return LEAST_STAND_S + max(0.0, -self._credit_s) / self._cores
        return self._credit_s / self._fastest
