"""All methods, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from host.gateway.context import CallContext
from host.gateway.methods import events, host, plugins, workload
from host.gateway.methods.engine import optimizing
from host.gateway.methods.spec import MethodSpec, method
from host.gateway.openrpc import openrpc_document
from host.gateway.params import Params
from host.gateway.traffic import Traffic


def method_table(traffic: Traffic) -> dict[str, MethodSpec]:
    """Every method by its name on the wire; *traffic* counts the optimize requests."""
    table: dict[str, MethodSpec] = {}

    @method("rpc.discover", "read", Params, dict[str, Any])
    async def discover(context: CallContext, params: Params) -> object:
        """This document: every method with its parameters, result and errors (OpenRPC)."""
        return openrpc_document(table)

    every = (
        *optimizing(traffic),
        *plugins.METHODS,
        *workload.METHODS,
        *events.METHODS,
        *host.METHODS,
        discover,
    )
    for each in every:
        table[each.name] = each
    return table


Table = Mapping[str, MethodSpec]
