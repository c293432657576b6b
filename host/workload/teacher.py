"""Hands history to the plugins: outcomes as they come (`learn`), and from time to time all of it (`train`).

Never on the path of a call: each plugin has a task of its own, and a plugin that is slow to learn is slow alone.
What a plugin missed while it was busy or down comes with the next batch; a new process starts from what it had
saved, or from the beginning.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from host.clock import Clock
from host.errors import PluginError
from host.tasks import Background
from host.workload.bulk import Bulk
from host.workload.curriculum import Since, due
from host.workload.history import History
from host.workload.lesson import Pupil, Save, hand_over, save, train
from host.workload.lots import Portions
from plugin_sdk.contract.messages import SaveReply, TrainReply

log = logging.getLogger(__name__)

CLOSING_S = 2.0  # for what plugins have learned since they last saved, when the host ends


@dataclass(frozen=True)
class TeacherConfig:
    """When plugins are taught.

    Attributes:
        tick_s: How often the history is looked at for news.
        growth: A plugin that says nothing else is trained again when the history has grown by this part.
        snapshot, batch: Points at most in one `train` and one `learn`.
        retry_s: After a training that failed, and after an answer that gave no credit.
        save_s: Between two savings of a plugin that learns from outcomes; one that was trained is saved at once.
    """

    tick_s: float = 0.2
    growth: float = 0.5
    snapshot: int = 5_000
    batch: int = 1_000
    retry_s: float = 5.0
    save_s: float = 60.0


@dataclass
class _Progress:
    """How far one process of one plugin has been taught, as a count of all points ever recorded."""

    pupil: Pupil
    epoch: int
    learned: int = 0
    trained: int = 0
    trained_at: float = 0.0
    saved: int = 0
    saved_at: float = 0.0
    not_before: float = 0.0
    drifted: bool = False
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)  # one lesson at a time, whoever asked for it


async def _keep_nothing(pupil: Pupil, reply: SaveReply, seq: int) -> None:
    """For a host that keeps no states."""


class Teacher:
    """Use: `start()`, and `await aclose()`.

    Args:
        keep: Keeps what plugins save.
        publish: Tells of each training: the plugin, and the report.
        bulk: For plugins that take columns.
    """

    def __init__(
        self,
        history: History,
        ready: Callable[[], Sequence[Pupil]],
        clock: Clock,
        config: TeacherConfig | None = None,
        *,
        keep: Save = _keep_nothing,
        publish: Callable[[str, dict[str, object]], None] = lambda *_: None,
        bulk: Bulk | None = None,
    ) -> None:
        self._history = history
        self._ready = ready
        self._clock = clock
        self._config = config or TeacherConfig()
        self._portions = Portions(self._config.snapshot, self._config.batch)
        self._keep = keep
        self._publish = publish
        self._bulk = bulk
        self._progress: dict[str, _Progress] = {}
        self._warmed: dict[str, _Progress] = {}
        self._busy: set[str] = set()
        self._background = Background()

    def start(self) -> None:
        """Begins to look for news."""
        self._background.start(self._run(), name="workload:teacher")

    async def aclose(self) -> None:
        """Ends all teaching that is under way, and has those say what they know who learned since they last did."""
        await self._background.aclose()
        ready = {pupil.name: pupil for pupil in self._ready()}
        unsaved = [
            state
            for name, state in self._progress.items()
            if ready.get(name) is state.pupil and self._unsaved(state)
        ]
        try:
            async with asyncio.timeout(CLOSING_S):
                await asyncio.gather(*(self._save(state) for state in unsaved), return_exceptions=True)
        except TimeoutError:
            log.warning("plugin.states_not_saved", extra={"why": f"not within {CLOSING_S:g} s"})

    async def warm(self, pupil: Pupil) -> None:
        """Teaches one that is to take another's place, before it does: from its first call it knows what that one knew."""
        state = self._fresh(pupil)
        await self._catch_up(state)
        self._warmed[pupil.name] = state

    def drifted(self) -> None:
        """What is recorded is no longer distributed as it was: plugins whose policy says so are trained again."""
        for state in self._progress.values():
            state.drifted = True

    async def train_now(self, pupil: Pupil, why: str = "it was asked for") -> TrainReply:
        """One training, by hand or by plan; its budget is the manifest's `train_timeout`.

        Raises:
            PluginError: It failed, or took too long.
        """
        state = self._state(pupil)
        async with state.turn:
            return await self._train(state, why)

    async def _run(self) -> None:
        while True:
            self._note_lag()
            for pupil in self._ready():
                if pupil.name not in self._busy and self._has_news(self._state(pupil)):
                    self._busy.add(pupil.name)
                    self._background.start(self._teach(pupil), name=f"workload:teach:{pupil.name}")
            await asyncio.sleep(self._config.tick_s)

    def _note_lag(self) -> None:
        """How many points each plugin that learns is behind, also one that does not run now."""
        for state in self._progress.values():
            if "learn" in state.pupil.capabilities:
                state.pupil.learning.behind = self._history.last_seq - state.learned

    def _state(self, pupil: Pupil) -> _Progress:
        state = self._progress.get(pupil.name)
        # A folder that changed is a new pupil of the same name, whose epochs begin at 1 again.
        if state is None or state.pupil is not pupil or state.epoch != pupil.epoch:
            warmed = self._warmed.pop(pupil.name, None)
            if warmed is not None and warmed.pupil is pupil and warmed.epoch == pupil.epoch:
                state = warmed
            else:
                state = self._fresh(pupil)
            self._progress[pupil.name] = state
        return state

    def _fresh(self, pupil: Pupil) -> _Progress:
        now = self._clock.now()
        state = _Progress(pupil, pupil.epoch, trained_at=now, saved_at=now)
        before = pupil.restored
        pupil.trained_points = 0
        if before is not None and before.seq <= self._history.last_seq:  # else it is of another history
            pupil.trained_points = before.trained_points
            state.trained, state.saved = before.trained_points, before.seq
            state.learned = before.seq if before.resume else 0
        return state

    def _has_news(self, state: _Progress) -> bool:
        if self._clock.now() < state.not_before:
            return False
        return self._has_outcomes(state) or self._due(state) is not None or self._save_due(state)

    def _has_outcomes(self, state: _Progress) -> bool:
        return "learn" in state.pupil.capabilities and state.learned < self._history.last_seq

    def _due(self, state: _Progress) -> str | None:
        how = state.pupil.capabilities.get("train")
        if how is None:
            return None
        now = self._clock.now()
        since = Since(self._history.last_seq, state.trained, now - state.trained_at, state.drifted)
        return due(
            state.pupil.learning.policy, since, least=max(how.min_points, 1), growth=self._config.growth
        )

    def _unsaved(self, state: _Progress) -> bool:
        if "save" not in state.pupil.capabilities or (state.pupil.trained_points == 0 and state.learned == 0):
            return False
        return state.saved < state.learned or state.saved < 0

    def _save_due(self, state: _Progress) -> bool:
        return self._unsaved(state) and (
            state.saved < 0 or self._clock.now() - state.saved_at >= self._config.save_s
        )

    async def _teach(self, pupil: Pupil) -> None:
        try:
            state = self._state(pupil)
            async with state.turn:
                await self._catch_up(state)
        finally:
            self._busy.discard(pupil.name)

    async def _catch_up(self, state: _Progress) -> None:
        def told(seq: int) -> None:
            # After each batch: when a later one fails, those before it are not taught twice.
            state.learned = seq

        pupil = state.pupil
        try:
            if self._has_outcomes(state):
                wants_more = await hand_over(
                    pupil, self._history, state.learned, self._portions, self._clock, told, self._bulk
                )
                if not wants_more:
                    state.not_before = self._clock.now() + self._config.retry_s
            why = self._due(state)
            if why is not None:
                await self._train(state, why)
            if self._save_due(state):
                await self._save(state)
        except PluginError as error:
            state.not_before = self._clock.now() + self._config.retry_s
            log.warning("plugin.teaching_failed", extra={"plugin": pupil.name, "why": error.reason})

    async def _train(self, state: _Progress, why: str) -> TrainReply:
        pupil, seen = state.pupil, self._history.last_seq
        reply, report = await train(pupil, self._history, self._portions, self._clock, why, self._bulk)
        state.trained, state.trained_at, state.drifted = seen, self._clock.now(), False
        if reply.trained:
            pupil.trained_points = seen
            state.saved = -1  # whatever was saved before is of another model
        self._publish(pupil.name, msgspec.to_builtins(report))
        return reply

    async def _save(self, state: _Progress) -> None:
        knows = state.learned if "learn" in state.pupil.capabilities else state.trained
        state.saved_at = self._clock.now()
        await save(state.pupil, knows, self._keep, self._clock)
        state.saved = max(knows, 0)
