"""What a plugin has learned, as it is shown: its policy, its last training and how that was judged, its saved state."""

from __future__ import annotations

import msgspec

from plugin_sdk.contract.training import TrainingPolicy


class TrainingReport(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """One training.

    Fields:
        why: What made it due.
        points: That it was trained on.
        accepted: Whether what was learnt serves now.
        reason: Why not, or why it was not tried on held-out outcomes.
        measure: What both models were measured by; see docs/explanation/learning.md.
        examined: Held-out outcomes.
        candidate, serving: Score of the new model and of the one it would replace; higher is better.
        metrics: The plugin's own figures, as it said them.
    """

    at_ms: float
    why: str
    points: int
    accepted: bool
    took_ms: float
    reason: str | None = None
    measure: str | None = None
    examined: int = 0
    candidate: float | None = None
    serving: float | None = None
    metrics: dict[str, float] | None = None


class StateNote(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """The state that the host keeps for the plugin's next start.

    Fields:
        restored: Whether the process that runs went on from one; `None` when there was none to go on from.
        note: What went wrong, if anything did.
    """

    version: int | None = None
    bytes: int | None = None
    sha256: str | None = None
    format: str | None = None
    seq: int | None = None
    saved_at: float | None = None
    restored: bool | None = None
    note: str | None = None


class KeptState(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """One of the states that the host has of a plugin.

    Fields:
        standing: `kept`: it may be handed to the plugin at a start; `withdrawn` by an operator who went back to an
            earlier one; `rejected`: the plugin did not come up with it; `damaged`.
        next: It is the one that the next start is handed.
        fits: It is of the plugin's present version, code and configuration.
        plugin_version: That saved it.
        seq: It knows the points up to this number.
    """

    version: int
    standing: str
    next: bool
    fits: bool
    bytes: int | None = None
    sha256: str | None = None
    format: str | None = None
    seq: int | None = None
    trained_points: int | None = None
    plugin_version: str | None = None
    saved_at: float | None = None


class Restored(msgspec.Struct, frozen=True):
    """What a process knew from its first moment.

    Fields:
        resume: Whether outcomes may be handed to it from there on; else all of them.
    """

    seq: int
    trained_points: int
    resume: bool


class Learning(msgspec.Struct, rename="camel", omit_defaults=True):
    """Everything of it. The teacher writes here; the keeper, what became of a state.

    Fields:
        learned_seq: The number up to which it was sent the outcomes, by `learn`.
        behind: Points recorded after that number; `None` for a plugin that is sent none.
        missed: Points it was not sent, because history had let go of them before it took them.
    """

    policy: TrainingPolicy = TrainingPolicy()
    trainings: int = 0
    rejected: int = 0
    last: TrainingReport | None = None
    learned_seq: int = 0
    behind: int | None = None
    missed: int = 0
    state: StateNote = msgspec.field(default_factory=StateNote)
