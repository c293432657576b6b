"""All methods, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from host.gateway.context import CallContext
from host.gateway.idempotency import Repeats
from host.gateway.methods import events, host, plugins, workload
from host.gateway.methods.engine import optimizing
from host.gateway.methods.spec import MethodSpec, method
from host.gateway.openrpc import openrpc_document
from host.gateway.params import Params
from host.gateway.traffic import Traffic


def method_table(traffic: Traffic, repeats: Repeats | None = None) -> dict[str, MethodSpec]:
    """Every method by its name on the wire.

    Args:
        traffic: Counts the optimize requests.
        repeats: Remembers the calls that carried a key.
    """
    table: dict[str, MethodSpec] = {}

    @method("rpc.discover", "read", Params, dict[str, Any])
    async def discover(context: CallContext, params: Params) -> object:
        """This document: every method with its parameters, result and errors (OpenRPC)."""
        return openrpc_document(table)

    recording = workload.recording(repeats or Repeats())
    every = (
        *optimizing(traffic),
        *plugins.METHODS,
        recording,
        *workload.METHODS,
        *events.METHODS,
        *host.METHODS,
        discover,
    )
    for each in every:
        table[each.name] = each
    return table


Table = Mapping[str, MethodSpec]
