"""`workload.*`."""

from __future__ import annotations

import msgspec

from host.errors import RequestError
from host.gateway import results
from host.gateway.context import CallContext
from host.gateway.methods.spec import method
from host.gateway.params import RecordParams, SelectParams, TrainingParams
from host.workload.errors import KeyReusedError

MOST_EXPORTED = 100_000  # points in one answer; the REST route sends any number


@method("workload.record", "operate", RecordParams, results.Recorded)
async def record(context: CallContext, params: RecordParams) -> object:
    """Keeps outcomes, for plugins to learn from; answered when they are on stable storage."""
    key = context.idempotency_key
    # One caller's key says nothing of another's.
    scoped = None if key is None else f"{context.caller.name}\n{key}"
    try:
        return {"recorded": await context.api.record(params.points, scoped)}
    except KeyReusedError as error:
        shown = (key or "")[:100]
        raise KeyReusedError(
            f"the idempotency key {shown!r} stands for other points; give each set of points a key of its own",
            path="_meta.idempotencyKey",
            value=shown,
            hint=error.hint,
        ) from error


@method("workload.query", "read", SelectParams, results.Queried)
async def query(context: CallContext, params: SelectParams) -> object:
    """A page of points, oldest first: the most recent ones, and a cursor for those before."""
    page = await context.api.workload_query(params.selection())
    answer: dict[str, object] = {"points": page.points}
    if page.cursor is not None:
        answer["cursor"] = page.cursor
    return answer


@method("workload.stats", "read", SelectParams, results.Stats)
async def stats(context: CallContext, params: SelectParams) -> object:
    """Counts, success rates and mean durations, in all and by type."""
    return await context.api.workload_stats(params.selection())


@method("workload.export", "read", SelectParams, results.Exported)
async def export(context: CallContext, params: SelectParams) -> object:
    """Points of the history in the seed's form."""
    lines: list[bytes] = []
    async for each in context.api.workload_export(params.selection()):
        lines += each
        if len(lines) > MOST_EXPORTED:
            raise RequestError(
                f"more than {MOST_EXPORTED} points are selected",
                path="limit",
                hint="select fewer with type, start, end or limit, or use GET /api/v1/plugins/workload-data/export",
            )
    return msgspec.Raw(exported(lines))


@method("workload.training", "read", TrainingParams, results.TrainingFormat)
async def training(context: CallContext, params: TrainingParams) -> object:
    """Rows for a model: the seed's form, or columns for a target."""
    return await context.api.training_format(params.selection(), params.wish())


def exported(lines: list[bytes]) -> bytes:
    """The seed's export of points that are JSON already."""
    return b'{"data":[%b],"count":%d}' % (b",".join(lines), len(lines))


METHODS = (record, query, stats, export, training)
