"""A plugin's object behind the protocol's methods: encoded parameters in, encoded result out.

Theory of operation. The runner and `plugin_sdk.testing` drive the same `Handlers`; it has no descriptors and
starts no threads. Calls come one at a time, but for `train`, `backtest`, `adopt` and `save`, which may run in a
second thread; `Learning` keeps the two apart, so authors need no locks of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

import plugin_sdk
from plugin_sdk.awaiting import settled
from plugin_sdk.context import CURRENT, Call
from plugin_sdk.contract.columns import ColumnsError
from plugin_sdk.contract.messages import (
    HOST_METHODS,
    PROTOCOL_MAX,
    PROTOCOL_MIN,
    AdoptParams,
    BacktestParams,
    Capability,
    ColumnsRef,
    InitializeParams,
    InitializeResult,
    LearnParams,
    Meta,
    OptimizeParams,
    Prediction,
    SavedState,
    ScoreParams,
    TrainParams,
)
from plugin_sdk.dataset import WorkloadDataset
from plugin_sdk.entry import Entry
from plugin_sdk.failures import (
    BadResultError,
    MissingCapabilityError,
    ParamsError,
    UnknownMethodError,
    UnsupportedVersionError,
)
from plugin_sdk.jsonable import NotJsonError, encode_finite
from plugin_sdk.learning import HISTORY_POINTS as HISTORY_POINTS
from plugin_sdk.learning import Learning
from plugin_sdk.many import predict_each
from plugin_sdk.results import prediction_from, reply_from, scores_from
from plugin_sdk.roles import Bound, bind
from plugin_sdk.shared import map_columns

_SCALARS = frozenset({float, int, str, bool})


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


class _BacktestCall(BacktestParams):
    meta: Meta | None = msgspec.field(default=None, name="_meta")


class _AdoptCall(AdoptParams):
    meta: Meta | None = msgspec.field(default=None, name="_meta")


class _BareCall(msgspec.Struct):
    meta: Meta | None = msgspec.field(default=None, name="_meta")


_decode_predict = msgspec.json.Decoder(_PredictCall).decode
_decode_score = msgspec.json.Decoder(_ScoreCall).decode
_decode_optimize = msgspec.json.Decoder(_OptimizeCall).decode
_decode_train = msgspec.json.Decoder(_TrainCall).decode
_decode_learn = msgspec.json.Decoder(_LearnCall).decode
_decode_backtest = msgspec.json.Decoder(_BacktestCall).decode
_decode_adopt = msgspec.json.Decoder(_AdoptCall).decode
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
        self._state_bytes = params.limits.state_bytes
        self._shared = params.shared if isinstance(params.shared, str) else None
        self._learning = Learning(self._made(), self._made if entry.makes_anew else None, self._plugin.name)
        self.lock = self._learning.lock
        if isinstance(params.state, SavedState):
            self._learning.restore(params.state)
        self._table: dict[str, tuple[Callable[[msgspec.Raw | bytes], Any], Callable[[Any, Call], bytes]]] = {
            "predict": (_decode_predict, self._predict),
            "score": (_decode_score, self._score),
            "optimize": (_decode_optimize, self._optimize),
            "train": (_decode_train, self._train),
            "backtest": (_decode_backtest, self._backtest),
            "adopt": (_decode_adopt, self._adopt),
            "save": (_decode_bare, self._save),
            "learn": (_decode_learn, self._learn),
            "describe": (_decode_bare, self._describe),
        }
        declared = self._capabilities()
        for method in self._table.keys() - declared.keys():
            self._table[method] = (_decode_bare, self._missing)

    @property
    def _bound(self) -> Bound:
        return self._learning.bound

    @property
    def history(self) -> WorkloadDataset:
        """What `optimize` is given."""
        return self._learning.history

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
            capabilities=self._capabilities(),
            handles=list(supported) if supported else None,
            model_id=self._model_id(),
            sdk=f"plugin_sdk {plugin_sdk.__version__}",
            state=self._learning.restored,
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
            value = self._learning.predict(bound, params.input)
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
        return encode_finite(self._learning.learn(self._given(params), params.reset))

    def _train(self, params: _TrainCall, call: Call) -> bytes:
        return encode_finite(self._learning.train(self._given(params), params.candidate, call))

    def _given(self, params: LearnParams | TrainParams) -> WorkloadDataset:
        """The points, whichever way they came."""
        if not isinstance(params.columns, ColumnsRef):
            return WorkloadDataset(params.points)
        try:
            return WorkloadDataset.of_columns(map_columns(self._shared, params.columns))
        except ColumnsError as error:
            raise ParamsError(str(error)) from error

    def _backtest(self, params: _BacktestCall, _call: Call) -> bytes:
        return encode_finite(self._learning.backtest(params.inputs))

    def _adopt(self, params: _AdoptCall, _call: Call) -> bytes:
        return encode_finite(self._learning.adopt(params.accept))

    def _save(self, _params: _BareCall, _call: Call) -> bytes:
        return encode_finite(self._learning.save(self._state_bytes))

    def _describe(self, _params: _BareCall, _call: Call) -> bytes:
        with self.lock:
            return encode_finite(self._bound.describe())

    def _missing(self, _params: _BareCall, call: Call) -> bytes:
        raise MissingCapabilityError(
            f"{self._plugin.name} has no {call.method}; it declared {', '.join(sorted(self._capabilities()))}"
        )

    def _capabilities(self) -> dict[str, Capability]:
        declared = self._bound.capabilities()
        if self._learning.saves:
            declared["save"] = Capability()
        return declared

    def _made(self) -> Bound:
        target = self._entry.make(self._plugin.name, self._config)
        init = getattr(target, "init", None)
        if callable(init):
            settled(init(dict(self._config)))
        return bind(target)

    def _model_id(self) -> str:
        return self._bound.model_id or self._plugin.name
