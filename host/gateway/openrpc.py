"""The methods as an OpenRPC document, made from the structs that read and answer them.

Source: OpenRPC Specification 1.3.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from host import __version__
from host.gateway.methods.spec import MethodSpec
from host.gateway.schemas import components_of, members_of
from plugin_sdk.contract.errors import ErrorCode

# Any method may answer these.
COMMON = (
    ErrorCode.INVALID_PARAMS,
    ErrorCode.INTERNAL_ERROR,
    ErrorCode.DEADLINE_EXCEEDED,
    ErrorCode.FORBIDDEN,
    ErrorCode.RATE_LIMITED,
    ErrorCode.OVERLOADED,
)
BY_ROOM: Mapping[str, tuple[ErrorCode, ...]] = {
    "engine": (ErrorCode.NO_ANSWER,),
    "plugins": (
        ErrorCode.NOT_FOUND,
        ErrorCode.NO_ANSWER,
        ErrorCode.PLUGIN_ERROR,
        ErrorCode.PLUGIN_CRASHED,
        ErrorCode.CAPABILITY_MISSING,
        ErrorCode.BAD_RESULT,
    ),
}


def openrpc_document(table: Mapping[str, MethodSpec]) -> dict[str, Any]:
    """The document for *table*."""
    specs = list(table.values())
    schemas, components = components_of([each.params for each in specs] + [each.result for each in specs])
    methods = []
    for at, spec in enumerate(specs):
        errors = COMMON + BY_ROOM.get(spec.name.partition(".")[0], ())
        methods.append(
            {
                "name": spec.name,
                "summary": spec.summary,
                "paramStructure": "by-name",
                "params": [
                    {"name": name, "schema": schema, "required": required}
                    for name, schema, required in members_of(spec.params, components)
                ],
                "result": {"name": "result", "schema": schemas[len(specs) + at]},
                "errors": [{"code": int(code), "message": code.kind} for code in errors],
                "tags": [{"name": spec.name.partition(".")[0]}],
                "x-role": spec.role,
                "x-websocket-only": spec.socket,
            }
        )
    return {
        "openrpc": "1.3.2",
        "info": {
            "title": "engine-ops",
            "version": __version__,
            "description": "Scheduling and resource allocation, decided by plugins that cannot do harm.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "servers": [{"name": "this host", "url": "/rpc"}],
        "methods": methods,
        "components": {"schemas": components},
    }
