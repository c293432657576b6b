"""When a plugin is trained: its manifest's `[training]`, with the operator's word over it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from plugin_sdk.contract.decode import ProblemError
from plugin_sdk.contract.limits import read_time
from plugin_sdk.contract.problems.request import unknown_member

_KEYS = ("growth", "every_points", "every", "on_drift", "by_hand")


class TrainingPolicy(msgspec.Struct, frozen=True, rename="camel"):
    """Any one of these is reason enough, once there are enough points at all.

    Fields:
        growth: The history has grown by this part since the last time; `None` for the host's own figure when
            nothing else is said.
        every_points: So many points were recorded since.
        every_s: So many seconds have passed since, and there are new points.
        on_drift: Features or outcomes are no longer distributed as they were.
        by_hand: None of them is: it is trained by `plugins.train` alone.
    """

    growth: float | None = None
    every_points: int | None = None
    every_s: float | None = None
    on_drift: bool = True
    by_hand: bool = False

    @property
    def says_when(self) -> bool:
        """Whether it names a rhythm of its own."""
        return self.growth is not None or self.every_points is not None or self.every_s is not None


def read_policy(given: Mapping[str, Any]) -> TrainingPolicy:
    """The policy that a table says.

    Raises:
        ProblemError: A key is not known, or its value cannot be used; the path begins with `training.`.
    """
    for name, value in given.items():
        if name not in _KEYS:
            raise ProblemError(f"training.{name}", value, unknown_member(name, _KEYS, "only the keys"))
    growth, points, every = given.get("growth"), given.get("every_points"), given.get("every")
    if growth is not None and not (_is_number(growth) and 0 < growth < 1e6):
        raise ProblemError("training.growth", growth, "a part above 0, such as 0.5")
    if points is not None and not (type(points) is int and 0 < points < 2**53):
        raise ProblemError("training.every_points", points, "a number of points, 1 or more")
    every_s = read_time("training.every", every) if every is not None else None
    for name in ("on_drift", "by_hand"):
        if type(given.get(name, False)) is not bool:
            raise ProblemError(f"training.{name}", given[name], "true or false")
    return TrainingPolicy(
        float(growth) if growth is not None else None,
        points,
        every_s,
        given.get("on_drift", True),
        given.get("by_hand", False),
    )


def policy_over(base: TrainingPolicy, given: Mapping[str, Any]) -> TrainingPolicy:
    """*base* with what a table says laid over it, key by key.

    Raises:
        ProblemError: See `read_policy`.
    """
    said = read_policy(given)
    fields = {"every": "every_s"}
    changed = {fields.get(name, name): getattr(said, fields.get(name, name)) for name in given}
    return msgspec.structs.replace(base, **changed)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
