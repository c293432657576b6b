"""Training, and what has been learned, behind the protocol's methods: candidates, exams, outcomes, states.

Theory of operation. A training works on a copy of the object that serves. Asked for a candidate, it keeps the copy
aside: `backtest` asks both, and `adopt` puts it in place or throws it away. Outcomes that `learn` brings meanwhile
reach the object that serves at once, and the copy before it serves.
"""

from __future__ import annotations

import contextlib
import copy
import threading
from collections.abc import Callable
from typing import Any

import msgspec

from plugin_sdk.awaiting import settled
from plugin_sdk.context import Call
from plugin_sdk.contract.messages import (
    Abstained,
    AdoptReply,
    BacktestReply,
    LearnReply,
    SavedState,
    SaveReply,
    StateReply,
    TrainReply,
)
from plugin_sdk.dataset import WorkloadDataset
from plugin_sdk.failures import CancelledCallError
from plugin_sdk.persistence import StateError, can_save, restore, save
from plugin_sdk.results import prediction_from, train_reply_from
from plugin_sdk.roles import Bound, bind

# Kept for `optimize`, and of outcomes for a candidate; the seed's collector held as many.
HISTORY_POINTS = 10_000


class Learning:
    """What one plugin knows.

    Attributes:
        lock: Held while the object that serves is used.
        bound: That object.
        history: For `optimize`.
    """

    def __init__(self, made: Bound, make: Callable[[], Bound] | None, name: str) -> None:
        """Args:
        make: Makes the object anew, where it can be.
        name: What its model is called that has no name.
        """
        self.lock = threading.Lock()
        self.bound = made
        self.history = WorkloadDataset()
        self.restored: StateReply | None = None
        self._make = make
        self._name = name
        self._candidate: Bound | None = None
        self._missed: list[tuple[WorkloadDataset, bool]] | None = None  # learnt since the copy was made

    @property
    def saves(self) -> bool:
        """Whether there is a state to keep."""
        return can_save(self.bound.target)

    def restore(self, state: SavedState) -> None:
        """Puts what was saved in place of the new object, or says why not."""
        try:
            found = bind(restore(self.bound.target, state.data, state.format))
        except StateError as error:
            self.restored = StateReply(False, False, str(error)[:500])
            return
        self.bound = found
        # What it keeps for `optimize` is no part of it: that is to be sent again.
        self.restored = StateReply(True, not found.wants_history)

    def predict(self, bound: Bound, given: Any) -> Any:
        """What *bound* predicts: a scalar as it is, else a `Prediction` or `Abstained`."""
        assert bound.predict is not None
        if bound.must_train is not None and not bound.must_train.is_trained:
            return Abstained(reason=f"not trained yet: {bound.min_points} points are needed")
        return bound.predict(given)

    def learn(self, points: WorkloadDataset, reset: bool) -> LearnReply:
        """Takes outcomes."""
        with self.lock:
            if self.bound.wants_history:
                kept = [] if reset else self.history.data_points
                # A new dataset, so that one an author kept hold of does not change under it.
                self.history = WorkloadDataset((kept + points.data_points)[-HISTORY_POINTS:])
            if self.bound.learn is not None:
                settled(self.bound.learn(points, reset))
                if self._missed is not None:
                    self._missed.append((points, reset))
                    while (
                        sum(len(each) for each, _ in self._missed) > HISTORY_POINTS and len(self._missed) > 1
                    ):
                        self._missed.pop(0)
        return LearnReply(len(points))

    def train(self, data: WorkloadDataset, wants_candidate: bool, call: Call) -> TrainReply:
        """Learns anew; what was learnt serves at once, or is a candidate."""
        bound = self.bound
        if bound.model is not None and not bound.model.validate_training_data(data):
            reason = f"{len(data)} points are too few; {bound.min_points} are needed"
            return TrainReply(False, len(data), reason)
        with self.lock:
            self._candidate = None
            student = self._copied()
            self._missed = []
        try:
            if student is None:
                with self.lock:  # it cannot be copied nor made anew: it learns itself, and calls wait
                    reply = _taught(bound, data)
                    return msgspec.structs.replace(reply, in_use=wants_candidate and reply.trained)
            reply = _taught(student, data)
            if call.cancelled:
                raise CancelledCallError("cancelled; what was learnt is thrown away")
            if reply.trained:
                self._candidate = student
                if not wants_candidate:
                    self.adopt(True)
            return reply
        finally:
            if self._candidate is None:
                with self.lock:
                    self._missed = None

    def backtest(self, inputs: list[Any]) -> BacktestReply:
        """What both predict; `None` where one has nothing to say. Calls are answered in between."""
        candidate = self._candidate
        serving, other = [], []
        for given in inputs:
            with self.lock:
                serving.append(self._examined(self.bound, given))
            other.append(self._examined(candidate, given) if candidate is not None else None)
        return BacktestReply(serving, other)

    def adopt(self, accept: bool) -> AdoptReply:
        """Puts the candidate in place, or throws it away."""
        with self.lock:
            candidate, missed = self._candidate, self._missed or []
            self._candidate = self._missed = None
            if not accept or candidate is None:
                return AdoptReply(False)
            for points, reset in missed:
                if candidate.learn is not None:
                    settled(candidate.learn(points, reset))
            self.bound = bind(candidate.target)  # what training changed of it counts: its model_id
        return AdoptReply(True)

    def save(self, most_bytes: int) -> SaveReply:
        """What it knows, as bytes; or why there are none."""
        target = self.bound.target
        if getattr(target, "is_trained", True) is False:
            return SaveReply(reason="it has not been trained")
        try:
            with self.lock if self.bound.learn is not None else contextlib.nullcontext():
                saved = save(target)
        except StateError as error:
            return SaveReply(reason=str(error)[:500])
        if len(saved.data) > most_bytes:
            return SaveReply(reason=f"its state has {len(saved.data)} bytes, and the host keeps {most_bytes}")
        return SaveReply(saved.data, saved.format)

    def _examined(self, bound: Bound, given: Any) -> Any:
        try:
            found = prediction_from(settled(self.predict(bound, given)), self._name)
        except Exception:  # an author's fault is an answer that is missing
            return None
        return None if isinstance(found, Abstained) else found.prediction

    def _copied(self) -> Bound | None:
        """A twin of the object that serves: a deep copy, or else a new one; `None` when neither can be had."""
        try:
            return bind(copy.deepcopy(self.bound.target))
        except Exception:  # locks, sockets and native handles do not copy; each says so in its own way
            return self._make() if self._make is not None else None


def _taught(bound: Bound, data: WorkloadDataset) -> TrainReply:
    assert bound.train is not None
    reply = train_reply_from(settled(bound.train(data)), len(data))
    if reply.trained and bound.model is not None and not bound.model.is_trained:
        with contextlib.suppress(AttributeError):  # a property of the author's own, perhaps
            bound.model.is_trained = True
    return reply
