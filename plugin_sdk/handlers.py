"""A plugin's object behind the protocol's methods: encoded parameters in, encoded result out.

Theory of operation. The runner and `plugin_sdk.testing` drive the same `Handlers`; it has no descriptors and
starts no threads. All but `train` are called one at a time. `train` may run in a second thread: it works on a
copy, and takes `lock` to make it and to put it in place, so authors need no locks of their own. Points that
`learn` brought in between are given to the copy before it serves.
"""

from __future__ import annotations

import contextlib
import copy
import threading
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

import plugin_sdk
from plugin_sdk.awaiting import settled
from plugin_sdk.context import CURRENT, Call
from plugin_sdk.contract.messages import (
    HOST_METHODS,
    PROTOCOL_MAX,
    PROTOCOL_MIN,
    Abstained,
    InitializeParams,
    InitializeResult,
    LearnParams,
    LearnReply,
    Meta,
    OptimizeParams,
    Prediction,
    ScoreParams,
    TrainParams,
    TrainReply,
)
from plugin_sdk.dataset import WorkloadDataset
from plugin_sdk.entry import Entry
from plugin_sdk.failures import (
    BadResultError,
    CancelledCallError,
    MissingCapabilityError,
    ParamsError,
    UnknownMethodError,
    UnsupportedVersionError,
)
from plugin_sdk.jsonable import NotJsonError, encode_finite
from plugin_sdk.many import predict_each
from plugin_sdk.results import prediction_from, reply_from, scores_from, train_reply_from
from plugin_sdk.roles import Bound, bind

_SCALARS = frozenset({float, int, str, bool})
HISTORY_POINTS = 10_000  # kept for `optimize`; the seed's collector held as many


class _PredictCall(msgspec.Struct, gc=False):
    input: Any = UNSET
    inputs: list[Any] | UnsetType = UNSET
    meta: Meta | None = msgspec.field(default=None, name="_meta")


class _ScoreCall(ScoreParams, gc=False):
    meta: Meta | None = msgspec.field(default=None, name="_meta")


class _OptimizeCall(OptimizeParams, gc=False):
    meta: Meta | None = msgspec.field(default=None, name="_meta")


class _TrainCall(TrainParams):
    meta: Meta | None = msgspec.field(default=None, name="_meta")


class _LearnCall(LearnParams):
    meta: Meta | None = msgspec.field(default=None, name="_meta")


class _BareCall(msgspec.Struct):
    meta: Meta | None = msgspec.field(default=None, name="_meta")


_decode_predict = msgspec.json.Decoder(_PredictCall).decode
_decode_score = msgspec.json.Decoder(_ScoreCall).decode
_decode_optimize = msgspec.json.Decoder(_OptimizeCall).decode
_decode_train = msgspec.json.Decoder(_TrainCall).decode
_decode_learn = msgspec.json.Decoder(_LearnCall).decode
_decode_bare = msgspec.json.Decoder(_BareCall).decode


class Handlers:
    """Answers calls with an author's object."""

    def __init__(self, entry: Entry, params: InitializeParams) -> None:
        """Makes the object and hands it its configuration.

        Raises:
            UnsupportedVersionError: The host does not speak protocol 1.
            EntryError: The object cannot be made, or cannot be asked anything.
            Exception: Whatever the author's constructor or `init` raises.
        """
        if params.protocol.min > PROTOCOL_MAX or params.protocol.max < PROTOCOL_MIN:
            raise UnsupportedVersionError(
                f"the host speaks protocol {params.protocol.min} to {params.protocol.max}, "
                f"this SDK {PROTOCOL_MIN} to {PROTOCOL_MAX}; install a matching engine-ops"
            )
        self._entry = entry
        self._plugin = params.plugin
        self._config = params.config
        self._version = min(params.protocol.max, PROTOCOL_MAX)
        self.lock = threading.Lock()
        self.history = WorkloadDataset()
        self._missed: list[tuple[WorkloadDataset, bool]] | None = None  # learnt since the copy was made
        self._bound = self._made()
        self._table: dict[str, tuple[Callable[[msgspec.Raw | bytes], Any], Callable[[Any, Call], bytes]]] = {
            "predict": (_decode_predict, self._predict),
            "score": (_decode_score, self._score),
            "optimize": (_decode_optimize, self._optimize),
            "train": (_decode_train, self._train),
            "learn": (_decode_learn, self._learn),
            "describe": (_decode_bare, self._describe),
        }
        declared = self._bound.capabilities()
        for method in self._table.keys() - declared.keys():
            self._table[method] = (_decode_bare, self._missing)

    @property
    def target(self) -> Any:
        """The object that serves now; another one after each training."""
        return self._bound.target

    def initialized(self) -> InitializeResult:
        """The answer to `initialize`."""
        supported = getattr(getattr(self.target, "metadata", None), "supported_types", None)
        return InitializeResult(
            protocol=self._version,
            plugin=self._plugin,
            capabilities=self._bound.capabilities(),
            handles=list(supported) if supported else None,
            model_id=self._model_id(),
            sdk=f"plugin_sdk {plugin_sdk.__version__}",
        )

    def answer(self, call: Call) -> bytes:
        """The result of a call, as JSON.

        Raises:
            HandlerError: The SDK declines: no such method, bad parameters, too late, a result that is no JSON.
            Exception: Whatever the author's code raises.
        """
        found = self._table.get(call.method)
        if found is None:
            raise UnknownMethodError(
                f"there is no method {call.method!r}; there is {', '.join(HOST_METHODS)}"
            )
        decode, handler = found
        try:
            params = decode(b"{}" if call.params is None else call.params)
        except (msgspec.DecodeError, RecursionError) as error:
            raise ParamsError(f"the parameters of {call.method} cannot be read: {error}") from error
        if params.meta is not None:
            call.begin(params.meta)
        CURRENT.set(call)
        try:
            return handler(params, call)
        except NotJsonError as error:
            raise BadResultError(str(error)) from error

    def shutdown(self) -> None:
        """Lets the object let go of what it holds."""
        close = getattr(self.target, "shutdown", None)
        if callable(close):
            settled(close())

    def _predict(self, params: _PredictCall, call: Call) -> bytes:
        if params.inputs is not UNSET:
            with self.lock:
                return encode_finite(
                    predict_each(self._bound, params.inputs, self._bound.model_id or self._plugin.name, call)
                )
        if params.input is UNSET:
            raise ParamsError(
                "the parameters of predict cannot be read: give input, or inputs for many at once"
            )
        with self.lock:
            bound = self._bound
            assert bound.predict is not None
            if bound.must_train is not None and not bound.must_train.is_trained:
                value: Any = Abstained(reason=f"not trained yet: {bound.min_points} points are needed")
            else:
                value = bound.predict(params.input)
            model_id = bound.model_id or self._plugin.name
            if type(value) in _SCALARS:  # the quick way past two functions that look into what it may be
                return encode_finite(Prediction(value, None, model_id))
            return encode_finite(prediction_from(settled(value), model_id))

    def _score(self, params: _ScoreCall, _call: Call) -> bytes:
        with self.lock:
            assert self._bound.score is not None
            value = settled(self._bound.score(params.task, params.candidates))
            return encode_finite(scores_from(value, len(params.candidates)))

    def _optimize(self, params: _OptimizeCall, _call: Call) -> bytes:
        with self.lock:
            assert self._bound.optimize is not None
            value = settled(self._bound.optimize(params, self.history))
            return encode_finite(reply_from(value, self._model_id()))

    def _learn(self, params: _LearnCall, _call: Call) -> bytes:
        points = WorkloadDataset(params.points)
        with self.lock:
            if self._bound.wants_history:
                kept = [] if params.reset else self.history.data_points
                # A new dataset, so that one an author kept hold of does not change under it.
                self.history = WorkloadDataset((kept + points.data_points)[-HISTORY_POINTS:])
            if self._bound.learn is not None:
                settled(self._bound.learn(points, params.reset))
                if self._missed is not None:
                    self._missed.append((points, params.reset))
        return encode_finite(LearnReply(len(points)))

    def _describe(self, _params: _BareCall, _call: Call) -> bytes:
        with self.lock:
            return encode_finite(self._bound.describe())

    def _missing(self, _params: _BareCall, call: Call) -> bytes:
        raise MissingCapabilityError(
            f"{self._plugin.name} has no {call.method}; it declared {', '.join(sorted(self._bound.capabilities()))}"
        )

    def _train(self, params: _TrainCall, call: Call) -> bytes:
        data = WorkloadDataset(params.points)
        bound = self._bound
        if bound.model is not None and not bound.model.validate_training_data(data):
            reason = f"{len(data)} points are too few; {bound.min_points} are needed"
            return encode_finite(TrainReply(False, len(data), reason))
        with self.lock:
            student = self._copied()
            self._missed = []
        try:
            if student is None:
                with self.lock:  # it cannot be copied nor made anew: it learns itself, and calls wait
                    return encode_finite(_taught(bound, data))
            reply = _taught(student, data)
            encoded = encode_finite(reply)
            if call.cancelled:
                raise CancelledCallError("cancelled; what was learnt is thrown away")
            if reply.trained:
                with self.lock:
                    for points, reset in self._missed:
                        assert student.learn is not None
                        settled(student.learn(points, reset))
                    self._bound = bind(student.target)  # what training changed of it counts: its model_id
            return encoded
        finally:
            with self.lock:
                self._missed = None

    def _copied(self) -> Bound | None:
        """A twin of the object that serves: a deep copy, or else a new one; `None` when neither can be had."""
        try:
            return bind(copy.deepcopy(self.target))
        except Exception:  # locks, sockets and native handles do not copy; each says so in its own way
            return self._made() if self._entry.makes_anew else None

    def _made(self) -> Bound:
        target = self._entry.make(self._plugin.name, self._config)
        init = getattr(target, "init", None)
        if callable(init):
            settled(init(dict(self._config)))
        return bind(target)

    def _model_id(self) -> str:
        return self._bound.model_id or self._plugin.name


def _taught(bound: Bound, data: WorkloadDataset) -> TrainReply:
    assert bound.train is not None
    reply = train_reply_from(settled(bound.train(data)), len(data))
    if reply.trained and bound.model is not None and not bound.model.is_trained:
        with contextlib.suppress(AttributeError):  # a property of the author's own, perhaps
            bound.model.is_trained = True
    return reply
