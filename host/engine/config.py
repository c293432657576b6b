"""How the engine spends a caller's time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EngineConfig:
    """Times, and the size up to which work is done on the event loop.

    Fields:
        default_deadline_s: For requests that name none.
        reserve_s, reserve_share: Before the deadline plugins are no longer waited for: the larger of
            the two, the share being of the whole time, but never more than half of it.
        settle_s: How long others are still waited for when an answer in hand cannot be beaten. They are
            heard, and seen to be right or wrong, if they are quick; nobody waits for them if not.
        inline_size: Problems with more items than this are solved and checked in a thread, so that
            the event loop is never held for more than some milliseconds.
        inline_entries: Requests whose lists have more entries than this are read in a thread, likewise.
        cache_entries: Answers that are kept; 0 for none.
        cache_ttl_s: How long each of them is good for.
        many_at_once: Requests of one `engine.optimizeMany` that are worked on at a time.
    """

    default_deadline_s: float = 5.0
    reserve_s: float = 0.05
    reserve_share: float = 0.2
    settle_s: float = 0.05
    inline_size: int = 100
    inline_entries: int = 2000
    cache_entries: int = 100
    cache_ttl_s: float = 300.0
    many_at_once: int = 16

    def plugin_time_s(self, whole_s: float) -> float:
        """How much of a request's whole time plugins have."""
        return whole_s - min(max(self.reserve_s, self.reserve_share * whole_s), whole_s / 2)
