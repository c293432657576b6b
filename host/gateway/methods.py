"""The methods of `/rpc` and `/ws`: a name, typed parameters, and one call on the `HostApi`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from host.gateway.api import HostApi
from host.gateway.dispatch import Method
from host.gateway.params import (
    LogsParams,
    NameParams,
    Params,
    RecordParams,
    SelectParams,
    TrainingParams,
    read_params,
)
from host.gateway.traffic import Traffic
from plugin_sdk.contract.decode import ProblemError
from plugin_sdk.contract.problems.request import parse_request

P = TypeVar("P", bound=Params)


def method_table(traffic: Traffic) -> dict[str, Method]:
    """Every method by its name on the wire; *traffic* counts the optimize requests."""

    async def optimize(api: HostApi, params: object) -> object:
        if isinstance(params, list):
            raise ProblemError("params", params, "the request by name: an object with id, type and data")
        return await traffic.optimize(api, parse_request(params))

    return {
        "engine.optimize": optimize,
        "plugins.list": _typed(Params, _list),
        "plugins.get": _typed(NameParams, _get),
        "plugins.enable": _typed(NameParams, _enable),
        "plugins.disable": _typed(NameParams, _disable),
        "plugins.restart": _typed(NameParams, _restart),
        "plugins.logs": _typed(LogsParams, _logs),
        "workload.record": _typed(RecordParams, _record),
        "workload.query": _typed(SelectParams, _query),
        "workload.stats": _typed(SelectParams, _stats),
        "workload.training": _typed(TrainingParams, _training),
        "host.info": _typed(Params, _info),
        "host.health": _typed(Params, _health),
    }


def _typed(kind: type[P], run: Callable[[HostApi, P], Awaitable[object]]) -> Method:
    async def method(api: HostApi, params: Any) -> object:
        return await run(api, read_params(kind, params))

    return method


def plugin_list(api: HostApi) -> dict[str, Any]:
    """`{plugins, count}` as the seed has it, and the folders that were refused, with the reason."""
    plugins = api.plugins()
    return {"plugins": plugins, "count": len(plugins), "refused": api.refused()}


async def _list(api: HostApi, params: Params) -> object:
    return plugin_list(api)


async def _get(api: HostApi, params: NameParams) -> object:
    return api.plugin(params.name)


async def _enable(api: HostApi, params: NameParams) -> object:
    await api.enable(params.name)
    return changed(params.name, "enabled")


async def _disable(api: HostApi, params: NameParams) -> object:
    await api.disable(params.name)
    return changed(params.name, "disabled")


async def _restart(api: HostApi, params: NameParams) -> object:
    await api.restart(params.name)
    return changed(params.name, "restarted")


def changed(name: str, what: str) -> dict[str, str]:
    """`{message, name}`: the seed's answer to a change of a plugin."""
    return {"message": f"Plugin {what}", "name": name}


async def _logs(api: HostApi, params: LogsParams) -> object:
    return {"name": params.name, "lines": api.logs(params.name, params.limit)}


async def _record(api: HostApi, params: RecordParams) -> object:
    return {"recorded": await api.record(params.points)}


async def _query(api: HostApi, params: SelectParams) -> object:
    page = await api.workload_query(params.selection())
    answer: dict[str, object] = {"points": page.points}
    if page.cursor is not None:
        answer["cursor"] = page.cursor
    return answer


async def _stats(api: HostApi, params: SelectParams) -> object:
    return await api.workload_stats(params.selection())


async def _training(api: HostApi, params: TrainingParams) -> object:
    return await api.training_format(params.selection(), params.wish())


async def _info(api: HostApi, params: Params) -> object:
    return api.host_info()


async def _health(api: HostApi, params: Params) -> object:
    return api.health()
