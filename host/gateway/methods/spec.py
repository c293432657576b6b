"""What a method is: everything the dispatcher, the documents for machines and the role check need of it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from host.errors import EngineOpsError, RequestError
from host.gateway.access.audit import AuditLog, Change
from host.gateway.access.roles import Role
from host.gateway.context import CallContext
from host.gateway.params import Params, read_params
from host.tasks import finish
from plugin_sdk.contract.decode import show

P = TypeVar("P", bound=Params)

Run = Callable[[CallContext, Any], Awaitable[object]]


@dataclass(frozen=True)
class MethodSpec:
    """One method.

    Attributes:
        params, result: Types, for reading and for the documents.
        params_of: What *params* are for readers of the documents, where it is not what is read here.
        own_deadline: It keeps the caller's deadline itself, and answers within it.
        socket: Needs a connection that events can be sent on.
        changes: Changes the plugin that its parameters name: it is written to the record of changes.
    """

    name: str
    summary: str
    role: Role
    params: type[Any]
    result: Any
    run: Run
    own_deadline: bool = False
    socket: bool = False
    changes: bool = False

    async def __call__(self, context: CallContext, params: Any) -> object:
        """Carries the call out for whoever may ask for it.

        Raises:
            ForbiddenError, ProblemError, DeadlineError, EngineOpsError: As the caller is to be told.
        """
        context.caller.demand(self.role, self.name)
        if not issubclass(self.params, Params):
            return await self.run(context, params)
        read = read_params(self.params, params)
        context = context.with_meta(read.meta)
        if self.socket and context.socket is None:
            raise RequestError(
                f"{self.name} needs a connection that events can be sent on",
                hint="call it over the WebSocket /ws; plain HTTP has the same events at GET /events",
            )
        if self.own_deadline:
            return await self.run(context, read)
        async with context.bounded():
            if self.changes and context.audit is not None:
                return await audited(self.name, context, context.audit, read, self.run)
            return await self.run(context, read)


async def audited(name: str, context: CallContext, audit: AuditLog, params: Any, run: Run) -> object:
    """Carries a change of a plugin out, and writes down who made it, and how the plugin stood before and after."""
    before = _standing(context, params.name)
    outcome = "cancelled"
    try:
        result = await run(context, params)
        outcome = "done"
        return result
    except EngineOpsError as error:
        outcome = error.code.kind
        raise
    finally:
        change = Change(
            at_ms=time.time() * 1000.0,
            who=context.caller.name,
            what=name,
            target=show(params.name).strip('"'),
            address=context.caller.address,
            before=before,
            after=_standing(context, params.name),
            outcome=outcome,
        )
        await finish(audit.note(change))


def _standing(context: CallContext, name: str) -> dict[str, Any] | None:
    """What an operator may change about a plugin, as it is; `None` where there is none of this name."""
    try:
        view = msgspec.to_builtins(context.api.plugin(name))
    except EngineOpsError:
        return None
    return {each: view[each] for each in ("state", "config", "limits") if each in view}


def method(
    name: str,
    role: Role,
    params: type[P],
    result: Any,
    *,
    own_deadline: bool = False,
    socket: bool = False,
    changes: bool = False,
) -> Callable[[Callable[[CallContext, P], Awaitable[object]]], MethodSpec]:
    """Makes a method of a function, whose docstring is its summary."""

    def make(run: Callable[[CallContext, P], Awaitable[object]]) -> MethodSpec:
        assert run.__doc__ is not None
        return MethodSpec(
            name, " ".join(run.__doc__.split()), role, params, result, run, own_deadline, socket, changes
        )

    return make
