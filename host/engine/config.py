"""How the engine spends a caller's time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import cast, get_args

from host.engine.admission import AdmissionConfig
from host.engine.learning.guard import GuardConfig
from host.solvers.builtins import EXTRA
from plugin_sdk.contract.problems.request import Strategy
from plugin_sdk.contract.workload import REQUEST_TYPES

STRATEGIES: tuple[str, ...] = get_args(Strategy)


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
        resource_strategy, scheduling_strategy, performance_strategy, ml_driven_strategy: For requests of this
            type that name none; empty for what suits the problem.
        refine_from_s: Requests that name a deadline of at least this are given to CP-SAT too, where it is
            installed; 0 for those alone that name it.
        in_flight, queued: Requests that are worked on at once; that wait for a place.
        large_in_flight, large_queued: Likewise of those that are larger than `inline_size`, which have places of
            their own: they take long, and what is quick does not wait behind them.
        guard_lambda: A plugin's decisions are followed while their realised cost is at most (1 + this) times
            what the built-in's would have been.
        guard_outcomes: Outcomes before a verdict on that; half as many after a pause.
        guard_cool_s: The first pause of one that was set aside; doubled each time.
        extra_built_ins: Names, with commas between, of built-ins that are asked besides the usual ones by all
            requests; a request may name more.
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
    resource_strategy: str = ""
    scheduling_strategy: str = ""
    performance_strategy: str = ""
    ml_driven_strategy: str = ""
    extra_built_ins: str = ""
    refine_from_s: float = 0.5
    in_flight: int = 32
    queued: int = 64
    large_in_flight: int = 4
    large_queued: int = 8
    guard_lambda: float = 0.25
    guard_outcomes: int = 20
    guard_cool_s: float = 60.0

    def __post_init__(self) -> None:
        for name in ("resource", "scheduling", "performance", "ml_driven"):
            value = getattr(self, f"{name}_strategy")
            if value not in ("", *STRATEGIES):
                raise ValueError(
                    f"{name}_strategy is {value!r}; give {', '.join(STRATEGIES)}, or an empty text"
                )
        for each in self.extra_names - EXTRA:
            raise ValueError(
                f"extra_built_ins has {each!r}; give names out of {', '.join(sorted(EXTRA))}, with commas between"
            )

    def admission(self, *, large: bool) -> AdmissionConfig:
        """How much is worked on at once."""
        if large:
            return AdmissionConfig(in_flight=self.large_in_flight, queued=self.large_queued)
        return AdmissionConfig(in_flight=self.in_flight, queued=self.queued)

    def guard(self) -> GuardConfig:
        """When advice is set aside."""
        return GuardConfig(
            slack=self.guard_lambda,
            enough=self.guard_outcomes,
            probe=max(1, self.guard_outcomes // 2),
            cool_s=self.guard_cool_s,
        )

    @cached_property
    def extra_names(self) -> frozenset[str]:
        """The built-ins that are asked besides the usual ones."""
        return frozenset(each.strip() for each in self.extra_built_ins.split(",") if each.strip())

    def strategy_for(self, request_type: str) -> Strategy | None:
        """What the operator wants for requests of this type that name no strategy."""
        return self._strategies.get(request_type)

    @cached_property
    def _strategies(self) -> dict[str, Strategy]:
        names = {each: f"{each.replace('-', '_')}_strategy" for each in REQUEST_TYPES}
        return {
            each: cast("Strategy", value) for each, name in names.items() if (value := getattr(self, name))
        }

    def plugin_time_s(self, whole_s: float) -> float:
        """How much of a request's whole time plugins have."""
        return whole_s - min(max(self.reserve_s, self.reserve_share * whole_s), whole_s / 2)
