"""`plugins.*`."""

from __future__ import annotations

import asyncio
from typing import Any

from host.errors import EngineOpsError, plain_words
from host.gateway import results
from host.gateway.api import HostApi
from host.gateway.context import CallContext, checked_deadline
from host.gateway.failure import entry_from
from host.gateway.methods.spec import method
from host.gateway.params import (
    ConfigureParams,
    LogsParams,
    NameParams,
    Params,
    PredictManyParams,
    PredictParams,
    RollbackParams,
)
from host.registry.view import PluginView
from plugin_sdk.contract.errors import ErrorCode
from plugin_sdk.contract.messages import Abstained, Prediction

A_TURN = 1000  # of many predictions, written up in one turn of the event loop: others come in between


class NoPredictionError(EngineOpsError):
    """The plugin was asked, and had no prediction for this."""

    code = ErrorCode.NO_ANSWER


def plugin_list(api: HostApi) -> dict[str, Any]:
    """`{plugins, count}` as the seed has it, and the folders that were refused, with the reason."""
    plugins = api.plugins()
    return {"plugins": plugins, "count": len(plugins), "refused": api.refused()}


def changed(name: str, what: str) -> dict[str, str]:
    """`{message, name}`: the seed's answer to a change of a plugin."""
    return {"message": f"Plugin {what}", "name": name}


@method("plugins.list", "read", Params, results.PluginList)
async def list_(context: CallContext, params: Params) -> object:
    """Every plugin, highest priority first, and the folders that were refused."""
    return plugin_list(context.api)


@method("plugins.get", "read", NameParams, PluginView)
async def get(context: CallContext, params: NameParams) -> object:
    """Everything about one plugin: manifest, state with since and why, limits, isolation, counts, last exit."""
    return context.api.plugin(params.name)


@method("plugins.enable", "operate", NameParams, results.Changed, changes=True)
async def enable(context: CallContext, params: NameParams) -> object:
    """Starts a plugin and lets it be asked, forgetting its past failures."""
    await context.api.enable(params.name)
    return changed(params.name, "enabled")


@method("plugins.disable", "operate", NameParams, results.Changed, changes=True)
async def disable(context: CallContext, params: NameParams) -> object:
    """Stops a plugin; it is not asked, nor started, until it is enabled."""
    await context.api.disable(params.name)
    return changed(params.name, "disabled")


@method("plugins.restart", "operate", NameParams, results.Changed, changes=True)
async def restart(context: CallContext, params: NameParams) -> object:
    """Stops and starts a plugin, forgetting its past failures."""
    await context.api.restart(params.name)
    return changed(params.name, "restarted")


@method("plugins.configure", "admin", ConfigureParams, PluginView, changes=True)
async def configure(context: CallContext, params: ConfigureParams) -> object:
    """Changes a plugin's priority, whether it is enabled, its configuration or its limits."""
    await context.api.configure(params.name, params.given())
    return context.api.plugin(params.name)


@method("plugins.train", "operate", NameParams, results.Trained, changes=True)
async def train(context: CallContext, params: NameParams) -> object:
    """Trains a plugin on the history, now; answered when it has been."""
    reply = await context.api.train(params.name)
    return results.Trained(params.name, reply.trained, reply.reason, reply.metrics)


@method("plugins.states", "read", NameParams, results.States)
async def states(context: CallContext, params: NameParams) -> object:
    """What is kept of what a plugin saved, the newest first."""
    return results.States(params.name, list(await context.api.states(params.name)))


@method("plugins.rollback", "operate", RollbackParams, results.RolledBack, changes=True)
async def rollback(context: CallContext, params: RollbackParams) -> object:
    """Starts a plugin anew from an earlier saved state; later ones are withdrawn, not deleted."""
    version = await context.api.roll_back(params.name, params.version)
    return results.RolledBack(f"Plugin rolled back to state {version}", params.name, version)


@method("plugins.predict", "operate", PredictParams, results.Predicted, own_deadline=True)
async def predict(context: CallContext, params: PredictParams) -> object:
    """One plugin's prediction for one input."""
    deadline_ms = _deadline_ms(context, params.deadline_ms)
    prediction = await context.api.predict(params.name, params.input, _seconds(deadline_ms))
    made = predicted(params.name, prediction)
    if context.publish is not None:
        told = {"plugin": params.name, "prediction": made.prediction, "confidence": made.confidence}
        context.publish("predictions", told, params.name)
    return made


@method("plugins.predictMany", "operate", PredictManyParams, results.ManyPredicted, own_deadline=True)
async def predict_many(context: CallContext, params: PredictManyParams) -> object:
    """One plugin's predictions for many inputs, answered together, each or its error."""
    deadline_ms = _deadline_ms(context, params.deadline_ms)
    outcomes = await context.api.predict_many(params.name, params.inputs, _seconds(deadline_ms))
    if context.publish is not None:
        failed = sum(not isinstance(each, Prediction) for each in outcomes)
        told = {"plugin": params.name, "count": len(outcomes), "failed": failed}
        context.publish("predictions", told, params.name)
    entries: list[object] = []
    errors: dict[int, object] = {}  # thousands may share one error, which is written up once
    for at, outcome in enumerate(outcomes):
        if at % A_TURN == 0:
            await asyncio.sleep(0)
        if isinstance(outcome, Prediction):
            entries.append(predicted(params.name, outcome))
        else:
            if id(outcome) not in errors:
                errors[id(outcome)] = _error_entry(params.name, outcome)
            entries.append(errors[id(outcome)])
    return results.ManyPredicted(entries)


@method("plugins.logs", "read", LogsParams, results.Logs)
async def logs(context: CallContext, params: LogsParams) -> object:
    """The last lines that a plugin wrote to stderr or logged, oldest first."""
    return {"name": params.name, "lines": context.api.logs(params.name, params.limit)}


def predicted(name: str, prediction: Prediction | Abstained) -> results.Predicted:
    """A prediction as it is sent.

    Raises:
        NoPredictionError: It is none.
    """
    if isinstance(prediction, Abstained):
        why = plain_words(prediction.reason or "it gave no reason")
        raise NoPredictionError(f"plugin {name} abstained: {why}")
    metadata = dict(prediction.metadata or {})
    if prediction.quantiles is not None:
        metadata.setdefault("quantiles", prediction.quantiles)
    return results.Predicted(prediction.prediction, prediction.confidence, prediction.model_id, metadata)


def _error_entry(name: str, outcome: Abstained | Exception) -> object:
    try:
        if isinstance(outcome, Exception):
            raise outcome
        return predicted(name, outcome)
    except Exception as error:
        return entry_from(error, during="plugins.predictMany")


def _deadline_ms(context: CallContext, given: float | None) -> float | None:
    both = [each for each in (context.deadline_ms, checked_deadline(given, "deadlineMs")) if each is not None]
    return min(both, default=None)


def _seconds(deadline_ms: float | None) -> float | None:
    return None if deadline_ms is None else deadline_ms / 1000.0


METHODS = (
    list_,
    get,
    enable,
    disable,
    configure,
    restart,
    train,
    states,
    rollback,
    predict,
    predict_many,
    logs,
)
