"""`host.*`."""

from __future__ import annotations

from typing import Any

from host.gateway import results
from host.gateway.context import CallContext
from host.gateway.methods.spec import method
from host.gateway.params import AuditParams, Params


@method("host.info", "read", Params, dict[str, Any])
async def info(context: CallContext, params: Params) -> object:
    """What this host is: version, process, plugins directory, refused folders, history, isolation."""
    return context.api.host_info()


@method("host.health", "read", Params, results.Health)
async def health(context: CallContext, params: Params) -> object:
    """How this host stands."""
    return context.api.health()


@method("host.audit", "admin", AuditParams, results.Audit)
async def audit(context: CallContext, params: AuditParams) -> object:
    """The latest changes since this host began: who, what, before, after. The file in the data directory has all."""
    return {"changes": [] if context.audit is None else context.audit.latest(params.limit)}


METHODS = (info, health, audit)
