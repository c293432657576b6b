"""What is done with one plugin: outcomes handed over, trainings judged, states saved. One call to it at a time.

Theory of operation. `learn` is answered before the next is sent, so the answer is the plugin's credit: it says how
many points it will take next, and a plugin that is slow holds nothing of the host but its place in the history, a
number. What history has lost by the time it gets there, it is told as `missed`. A training asks for a candidate where
there is a model to be replaced, and that model goes on serving until the candidate has done no worse on outcomes that
neither was trained on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from host.clock import Clock
from host.errors import PluginError, plain_words
from host.registry.learning import Learning, Restored, TrainingReport
from host.workload.bulk import Bulk
from host.workload.exam import Result, examine, held_out
from host.workload.history import History
from host.workload.lots import Portions, next_lot, within
from host.workload.store.lines import decode_line
from plugin_sdk.contract.manifest import Limits
from plugin_sdk.contract.messages import (
    AdoptReply,
    BacktestReply,
    Capability,
    LearnReply,
    SaveReply,
    TrainReply,
)
from plugin_sdk.contract.workload import WorkloadDataPoint

log = logging.getLogger(__name__)

T = TypeVar("T")


class Pupil(Protocol):
    """A ready plugin, as the registry has it."""

    trained_points: int
    restored: Restored | None

    @property
    def epoch(self) -> int:
        """Counts its processes; a new one knows what was restored, or nothing."""
        ...

    @property
    def name(self) -> str: ...

    @property
    def limits(self) -> Limits:
        """What it was granted."""
        ...

    @property
    def capabilities(self) -> Mapping[str, Capability]: ...

    @property
    def learning(self) -> Learning:
        """What is shown of what it learns."""
        ...

    async def call(self, method: str, params: bytes, *, deadline: float) -> msgspec.Raw: ...


Save = Callable[[Any, SaveReply, int], Awaitable[None]]
"""Keeps what a plugin answered to `save`, which knows the points up to a sequence number."""


async def hand_over(
    pupil: Pupil,
    history: History,
    seq: int,
    portions: Portions,
    clock: Clock,
    told: Callable[[int], None],
    bulk: Bulk | None = None,
) -> bool:
    """Hands over every outcome after number *seq*, from the beginning with `reset`.

    Args:
        told: Called with the number up to which it knows them, after each batch.
        bulk: Where columns are put, for plugins that take them.

    Returns:
        Whether it wants more, when there is more; not, when it gave no credit.

    Raises:
        PluginError: It failed, or took too long; it knows what `told` was called with last.
    """
    takes = bulk if pupil.capabilities["learn"].columns else None
    reset, credit = seq == 0, None
    while reset or seq < history.last_seq:
        async with next_lot(history, seq, portions, credit, takes) as lot:
            params = b'{%s,"reset":%s,"seq":%d,"missed":%d}' % (
                lot.member,
                b"true" if reset else b"false",
                lot.last_seq,
                lot.missed,
            )
            reply = await ask(pupil, "learn", params, LearnReply, clock)
        seq, reset, credit = lot.last_seq, False, reply.credit
        pupil.learning.learned_seq = seq
        pupil.learning.missed += lot.missed
        told(seq)
        if credit is not None and credit <= 0:
            return False
    return True


async def train(
    pupil: Pupil, history: History, portions: Portions, clock: Clock, why: str, bulk: Bulk | None = None
) -> tuple[TrainReply, TrainingReport]:
    """One training, and its judgement.

    Args:
        bulk: Where columns are put, for plugins that take them.

    Raises:
        PluginError: It failed, or took too long; what served before serves on.
    """
    began = clock.now()
    newest, seqs = await history.newest(portions.snapshot)
    lines = within(newest, portions.frame_bytes, newest=True)
    seqs = seqs[len(seqs) - len(lines) :]
    exam: list[WorkloadDataPoint] = []
    before = history.last_seq + 1
    if pupil.capabilities["train"].candidate and pupil.trained_points > 0:
        points = await asyncio.to_thread(lambda: [decode_line(line) for line in lines])
        first = held_out(points)
        if first is not None:
            exam = [point for point in points[first:] if point.features]
            before = seqs[first]
            lines = lines[:first]
    candidate = b"true" if exam else b"false"
    if bulk is not None and pupil.capabilities["train"].columns:
        try:
            async with bulk.snapshot(portions.columns, before) as ref:
                params = b'{"columns":%s,"candidate":%s}' % (msgspec.json.encode(ref), candidate)
                reply, count = await ask(pupil, "train", params, TrainReply, clock), ref.count
        except OSError as error:
            why = f"the columns for it cannot be written: {error.strerror or error}"
            raise PluginError(pupil.name, why) from error
    else:
        params = b'{"points":[%s],"candidate":%s}' % (b",".join(lines), candidate)
        reply, count = await ask(pupil, "train", params, TrainReply, clock), len(lines)
    result: Result | None = None
    accepted = reply.trained
    if reply.trained and exam and not reply.in_use:
        result = await _examined(pupil, exam, clock)
        accepted = not result.is_worse
        verdict = b'{"accept":true}' if accepted else b'{"accept":false}'
        await ask(pupil, "adopt", verdict, AdoptReply, clock)
    report = TrainingReport(
        at_ms=clock.wall_ms(),
        why=why,
        points=count,
        accepted=accepted,
        took_ms=round((clock.now() - began) * 1000, 1),
        reason=_reason(reply, result, bool(exam), pupil.trained_points > 0),
        metrics=reply.metrics,
    )
    if result is not None:
        report.measure, report.examined = result.measure, result.examined
        report.candidate, report.serving = result.candidate, result.serving
    _note(pupil, report)
    if reply.trained and not accepted:
        reply = TrainReply(False, reply.size, report.reason, reply.metrics)
    return reply, report


async def save(pupil: Pupil, seq: int, keep: Save, clock: Clock) -> None:
    """Has it say what it knows, and keeps that.

    Raises:
        PluginError: It did not say.
    """
    await keep(pupil, await ask(pupil, "save", b"{}", SaveReply, clock), seq)


async def ask(pupil: Pupil, method: str, params: bytes, kind: type[T], clock: Clock) -> T:
    """One call within the training's own budget, and its answer as *kind*.

    Raises:
        PluginError: It failed, was late, or answered something else.
    """
    deadline = clock.now() + pupil.limits.train_timeout_s
    raw = await pupil.call(method, params, deadline=deadline)
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PluginError(pupil.name, f"its answer to {method} is no answer: {error}") from error


async def _examined(pupil: Pupil, exam: list[WorkloadDataPoint], clock: Clock) -> Result:
    inputs = msgspec.json.encode([point.features for point in exam])
    said = await ask(pupil, "backtest", b'{"inputs":%s}' % inputs, BacktestReply, clock)
    if len(said.candidate) != len(exam) or len(said.serving) != len(exam):
        counts = f"{len(said.serving)} and {len(said.candidate)}"
        raise PluginError(
            pupil.name, f"its answer to backtest has {counts} predictions for {len(exam)} inputs"
        )
    return examine(exam, said.candidate, said.serving)


def _reason(reply: TrainReply, result: Result | None, had_exam: bool, had_model: bool) -> str | None:
    if not reply.trained:
        return plain_words(reply.reason or "it gave no reason")
    if result is not None and result.is_worse:
        return (
            f"on {result.examined} held-out outcomes it did worse than the model it would replace: "
            f"{result.candidate:.4f} against {result.serving:.4f}"
        )
    if result is not None and result.measure is None:
        return "not tried: its predictions name nothing that the host can measure"
    if reply.in_use:
        return "not tried: it could not be kept aside"
    if had_model and not had_exam:
        return "not tried: too few outcomes to hold out, or a plugin that keeps no candidate"
    return None


def _note(pupil: Pupil, report: TrainingReport) -> None:
    notes = pupil.learning
    notes.trainings += 1
    notes.last = report
    rejected = not report.accepted and report.candidate is not None
    notes.rejected += rejected
    log.log(
        logging.WARNING if rejected else logging.INFO,
        "plugin.trained" if report.accepted else "plugin.not_trained",
        extra={
            "plugin": pupil.name,
            "points": report.points,
            "why": report.why,
            "reason": report.reason,
            "candidate": report.candidate,
            "serving": report.serving,
            "metrics": report.metrics,
        },
    )
