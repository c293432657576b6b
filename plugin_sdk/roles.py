"""What an author's object can be asked, told by the methods it has.

The three roles are protocols for type checkers; nothing needs to inherit from them. `bind` brings every kind of
object (a role's, a `BaseMLModel`, an `MLPluginInterface`) to one form that handlers call.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from plugin_sdk.awaiting import settled
from plugin_sdk.context import CallContext
from plugin_sdk.contract.messages import Abstained, Capability, OptimizeParams
from plugin_sdk.dataset import WorkloadDataset
from plugin_sdk.failures import EntryError
from plugin_sdk.interface import MLPluginInterface
from plugin_sdk.model import MIN_TRAINING_POINTS, BaseMLModel

ROLE_METHODS = ("predict", "score", "optimize")


@runtime_checkable
class Predictor(Protocol):
    """Predicts: a job's run time, a workload's usage."""

    def predict(self, input: dict[str, Any], /) -> Any:
        """A `PredictionResult`, a plain JSON value, or `Abstained`.

        Beside it a `predict_many(inputs)` may stand, which gives one of these an input, in their order: for a
        model that is quicker with many at once. Without it `predict` is called for each.
        """


@runtime_checkable
class Scorer(Protocol):
    """Ranks: nodes for a task, jobs in a queue."""

    def score(self, task: Any, candidates: list[Any], /) -> Sequence[float]:
        """One finite number a candidate, in their order; higher is better."""


@runtime_checkable
class Optimizer(Protocol):
    """Gives the whole answer."""

    def optimize(self, request: dict[str, Any], history: WorkloadDataset, /) -> Any:
        """Answers `{type, data, constraints, requestId}` in the shape contracted for the problem.

        `history` may be left out of the signature; then none is sent.
        """


@dataclass(frozen=True)
class Bound:
    """An author's object as handlers call it; what it does not have is `None`."""

    target: Any
    predict: Callable[[Any], Any] | None
    predict_many: Callable[[Sequence[Any]], Any] | None
    score: Callable[[Any, list[Any]], Any] | None
    optimize: Callable[[OptimizeParams, WorkloadDataset], Any] | None
    train: Callable[[WorkloadDataset], Any] | None
    learn: Callable[[WorkloadDataset, bool], Any] | None
    wants_history: bool
    model: BaseMLModel | None
    must_train: BaseMLModel | None  # `model` where it is the target itself: not asked before it was trained
    model_id: str | None

    def capabilities(self) -> dict[str, Capability]:
        """What is declared in the answer to `initialize`."""
        declared = {"describe": Capability()}
        for name in ("predict", "score"):
            if getattr(self, name) is not None:
                declared[name] = Capability(batch=name == "predict")
        if self.optimize is not None:
            declared["optimize"] = Capability(history=self.wants_history)
        if self.train is not None:
            # Only predictions can be compared before the outcome; what ranks or optimizes is taken into use at once.
            compared = self.predict is not None
            declared["train"] = Capability(
                min_points=self.min_points,
                candidate=compared,
                columns=self._says("trains_on_columns"),
            )
            if compared:
                declared |= {"backtest": Capability(), "adopt": Capability()}
        if self.learn is not None or self.wants_history:
            # What is kept for `optimize` are points, with all that columns do not have.
            declared["learn"] = Capability(columns=self._says("learns_on_columns") and not self.wants_history)
        return declared

    def _says(self, attribute: str) -> bool:
        return bool(getattr(self.model or self.target, attribute, False))

    @property
    def min_points(self) -> int:
        """The fewest points worth training on."""
        holder = self.model if self.model is not None else self.target
        return int(getattr(holder, "min_training_points", MIN_TRAINING_POINTS))

    def describe(self) -> dict[str, Any]:
        """What it says of itself, by whichever of the usual names it has."""
        for name in ("describe", "get_info", "get_metadata"):
            method = getattr(self.target, name, None)
            if callable(method):
                return dict(settled(method()))
        return {"class": type(self.target).__qualname__}


def _nearest_role(target: Any) -> str:
    from difflib import get_close_matches

    own = [name for name in dir(target) if not name.startswith("_")]
    for role in ROLE_METHODS:
        if near := get_close_matches(role, own, n=1, cutoff=0.75):
            return f"did you mean {role!r} by {near[0]!r}?"
    return "give it at least one"


def bind(target: Any) -> Bound:
    """How *target* is asked.

    Raises:
        EntryError: It has none of `predict`, `score`, `optimize`.
    """
    whole = isinstance(target, MLPluginInterface)
    if not any(_has(target, name) for name in ROLE_METHODS):
        raise EntryError(
            f"a {type(target).__qualname__} has none of {', '.join(ROLE_METHODS)}; {_nearest_role(target)}"
        )
    wants_history = _has(target, "optimize") and _positional(target.optimize) >= 2
    if isinstance(target, BaseMLModel):
        model: BaseMLModel | None = target
    else:
        inner = getattr(target, "model", None) if whole else None
        model = inner if isinstance(inner, BaseMLModel) else None
    return Bound(
        target=target,
        predict=_asked(target.predict) if _has(target, "predict") else None,
        predict_many=_asked(target.predict_many) if _has(target, "predict_many") else None,
        score=_asked(target.score) if _has(target, "score") else None,
        optimize=_optimize(target, whole, wants_history) if _has(target, "optimize") else None,
        train=_first(target, ("train_model",) if whole else ("train",)),
        learn=_learn(target) if _has(target, "learn") else None,
        wants_history=wants_history,
        model=model,
        must_train=target if isinstance(target, BaseMLModel) else None,
        model_id=_model_id(target if model is None else model),
    )


def _model_id(holder: Any) -> str | None:
    found = getattr(holder, "model_id", None)
    return found if isinstance(found, str) else None


def _has(target: Any, name: str) -> bool:
    return callable(getattr(target, name, None))


def _first(target: Any, names: tuple[str, ...]) -> Callable[..., Any] | None:
    return next((_asked(getattr(target, name)) for name in names if _has(target, name)), None)


def _optimize(
    target: Any, whole: bool, wants_history: bool
) -> Callable[[OptimizeParams, WorkloadDataset], Any]:
    method = _asked(target.optimize)

    def ask(params: OptimizeParams, history: WorkloadDataset) -> Any:
        request: Any
        if whole:
            # The seed's plugins are given the data alone and were never asked about a type they do not take.
            if not target.can_handle(params.type):
                return Abstained(reason=f"it does not handle {params.type}")
            request = params.data
        else:
            request = {
                "type": params.type,
                "data": params.data,
                "constraints": params.constraints,
                "requestId": params.request_id,
            }
        return method(request, history) if wants_history else method(request)

    return ask


def _learn(target: Any) -> Callable[[WorkloadDataset, bool], Any]:
    method = _asked(target.learn)
    takes_reset = "reset" in _parameters(target.learn)

    def ask(points: WorkloadDataset, reset: bool) -> Any:
        return method(points, reset=reset) if takes_reset else method(points)

    return ask


def _asked(method: Callable[..., Any]) -> Callable[..., Any]:
    if "context" not in _parameters(method):
        return method

    def with_context(*args: Any, **kwargs: Any) -> Any:
        return method(*args, **kwargs, context=CallContext.current())

    return with_context


def _parameters(method: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(method).parameters)
    except (TypeError, ValueError):  # some C callables do not say
        return {}


def _positional(method: Callable[..., Any]) -> int:
    """How many arguments it takes by position, `context` not counted; 2 stands for "any number"."""
    count = 0
    for name, parameter in _parameters(method).items():
        if parameter.kind is parameter.VAR_POSITIONAL:
            return 2
        by_position = parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        count += by_position and name != "context"
    return count
