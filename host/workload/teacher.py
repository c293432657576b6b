"""Hands history to the plugins: outcomes as they come (`learn`), and from time to time all of it (`train`).

Never on the path of a call: each plugin has a task of its own, and a plugin that is slow to learn is slow alone.
What a plugin missed while it was busy or down comes with the next batch; a new process starts from a snapshot.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from host.clock import Clock
from host.errors import PluginError
from host.tasks import Background
from host.workload.history import History
from plugin_sdk.contract.manifest import Limits
from plugin_sdk.contract.messages import Capability, TrainReply

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TeacherConfig:
    """When plugins are taught.

    Attributes:
        tick_s: How often the history is looked at for news.
        growth: A plugin is trained again when the history has grown by this part since the last time.
        snapshot, batch: Points at most in one `train` and one `learn`.
        retry_s: After a training that failed.
    """

    tick_s: float = 0.2
    growth: float = 0.5
    snapshot: int = 5_000
    batch: int = 1_000
    retry_s: float = 5.0


class Pupil(Protocol):
    """A ready plugin, as the registry has it."""

    trained_points: int

    @property
    def epoch(self) -> int:
        """Counts its processes; a new one knows nothing."""
        ...

    @property
    def name(self) -> str: ...

    @property
    def limits(self) -> Limits:
        """What it was granted."""
        ...

    @property
    def capabilities(self) -> Mapping[str, Capability]: ...

    async def call(self, method: str, params: bytes, *, deadline: float) -> msgspec.Raw: ...


@dataclass
class _Progress:
    """How far one process of one plugin has been taught, as a count of all points ever recorded."""

    pupil: Pupil
    epoch: int
    learned: int = 0
    trained: int = 0
    not_before: float = 0.0


class Teacher:
    """Use: `start()`, and `await aclose()`."""

    def __init__(
        self,
        history: History,
        ready: Callable[[], Sequence[Pupil]],
        clock: Clock,
        config: TeacherConfig | None = None,
    ) -> None:
        self._history = history
        self._ready = ready
        self._clock = clock
        self._config = config or TeacherConfig()
        self._progress: dict[str, _Progress] = {}
        self._warmed: dict[str, _Progress] = {}
        self._busy: set[str] = set()
        self._background = Background()

    def start(self) -> None:
        """Begins to look for news."""
        self._background.start(self._run(), name="workload:teacher")

    async def aclose(self) -> None:
        """Ends all teaching that is under way."""
        await self._background.aclose()

    async def warm(self, pupil: Pupil) -> None:
        """Teaches one that is to take another's place, before it does: from its first call it knows what that one knew."""
        state = _Progress(pupil, pupil.epoch)
        await self._catch_up(pupil, state)
        self._warmed[pupil.name] = state

    async def train_now(self, pupil: Pupil) -> TrainReply:
        """One training, by hand or by plan; its budget is the manifest's `train_timeout`.

        Raises:
            PluginError: It failed, or took too long.
        """
        seen = self._history.last_seq
        points = await self._history.newest(self._config.snapshot)
        deadline = self._clock.now() + pupil.limits.train_timeout_s
        raw = await pupil.call("train", b'{"points":[%s]}' % b",".join(points), deadline=deadline)
        try:
            reply = msgspec.json.decode(raw, type=TrainReply)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise PluginError(pupil.name, f"its answer to train is no answer: {error}") from error
        if reply.trained:
            pupil.trained_points = seen
            log.info(
                "plugin.trained",
                extra={"plugin": pupil.name, "points": len(points), "metrics": reply.metrics},
            )
        return reply

    async def _run(self) -> None:
        while True:
            for pupil in self._ready():
                if pupil.name not in self._busy and self._has_news(pupil):
                    self._busy.add(pupil.name)
                    self._background.start(self._teach(pupil), name=f"workload:teach:{pupil.name}")
            await asyncio.sleep(self._config.tick_s)

    def _state(self, pupil: Pupil) -> _Progress:
        state = self._progress.get(pupil.name)
        # A folder that changed is a new pupil of the same name, whose epochs begin at 1 again.
        if state is None or state.pupil is not pupil or state.epoch != pupil.epoch:
            warmed = self._warmed.pop(pupil.name, None)
            if warmed is not None and warmed.pupil is pupil and warmed.epoch == pupil.epoch:
                state = warmed
            else:
                state = _Progress(pupil, pupil.epoch)
                pupil.trained_points = 0
            self._progress[pupil.name] = state
        return state

    def _has_news(self, pupil: Pupil) -> bool:
        state = self._state(pupil)
        if self._clock.now() < state.not_before:
            return False
        return (
            "learn" in pupil.capabilities and state.learned < self._history.last_seq
        ) or self._training_due(pupil, state)

    def _training_due(self, pupil: Pupil, state: _Progress) -> bool:
        how = pupil.capabilities.get("train")
        if how is None:
            return False
        last = state.trained
        return self._history.last_seq >= max(how.min_points, last * (1 + self._config.growth), last + 1)

    async def _teach(self, pupil: Pupil) -> None:
        try:
            await self._catch_up(pupil, self._state(pupil))
        finally:
            self._busy.discard(pupil.name)

    async def _catch_up(self, pupil: Pupil, state: _Progress) -> None:
        try:
            if "learn" in pupil.capabilities and state.learned < self._history.last_seq:
                await self._send_news(pupil, state)
            if self._training_due(pupil, state):
                seen = self._history.last_seq
                reply = await self.train_now(pupil)
                state.trained = seen
                if not reply.trained:
                    log.info("plugin.not_trained", extra={"plugin": pupil.name, "why": reply.reason})
        except PluginError as error:
            state.not_before = self._clock.now() + self._config.retry_s
            log.warning("plugin.teaching_failed", extra={"plugin": pupil.name, "why": error.reason})

    async def _send_news(self, pupil: Pupil, state: _Progress) -> None:
        reset = state.learned == 0
        while reset or state.learned < self._history.last_seq:
            news = await self._history.later(state.learned, self._config.batch)
            params = b'{"points":[%s],"reset":%s}' % (b",".join(news.lines), b"true" if reset else b"false")
            deadline = self._clock.now() + pupil.limits.train_timeout_s
            await pupil.call("learn", params, deadline=deadline)
            # After each: when a later batch fails, those before it are not taught twice.
            state.learned = news.last_seq
            reset = False
