"""Whether a plugin is due to be trained, decided from its policy and what has happened since the last time."""

from __future__ import annotations

from dataclasses import dataclass

from plugin_sdk.contract.training import TrainingPolicy


@dataclass(frozen=True)
class Since:
    """What a plugin's last training and the present have between them.

    Attributes:
        recorded: Points ever recorded.
        trained: How many of them there were at its last training, 0 before the first.
        seconds: Since its last training, or since it came up.
        drifted: Whether a drift was seen since.
    """

    recorded: int
    trained: int
    seconds: float
    drifted: bool


def due(policy: TrainingPolicy, since: Since, *, least: int, growth: float) -> str | None:
    """Why it is to be trained now; `None` when it is not.

    Args:
        least: Points without which it is not worth it.
        growth: The host's figure, for a policy that names no rhythm.
    """
    fresh = since.recorded - since.trained
    if policy.by_hand or since.recorded < least or fresh <= 0:
        return None
    if since.trained == 0:
        return f"it has not been trained, and there are {since.recorded} points"
    if policy.on_drift and since.drifted:
        return "what is recorded has drifted"
    if policy.every_points is not None and fresh >= policy.every_points:
        return f"{fresh} points were recorded since"
    if policy.every_s is not None and since.seconds >= policy.every_s:
        return f"{since.seconds:.0f} s have passed, and {fresh} points were recorded since"
    part = policy.growth if policy.says_when else growth
    if part is not None and fresh >= since.trained * part:
        return f"the history has grown from {since.trained} to {since.recorded} points since"
    return None
