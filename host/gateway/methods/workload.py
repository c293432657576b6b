"""`workload.*`."""

from __future__ import annotations

from host.gateway import results
from host.gateway.context import CallContext
from host.gateway.idempotency import Repeats
from host.gateway.methods.spec import MethodSpec, method
from host.gateway.params import RecordParams, SelectParams


def recording(repeats: Repeats) -> MethodSpec:
    """`workload.record`, carried out once a key."""

    @method("workload.record", "operate", RecordParams, results.Recorded)
    async def record(context: CallContext, params: RecordParams) -> object:
        """Keeps outcomes, for plugins to learn from; answered when they are kept."""
        if context.idempotency_key is None:
            return {"recorded": await context.api.record(params.points)}
        key = f"{context.caller.name}\n{context.idempotency_key}"
        recorded, repeated = await repeats.once(key, params.points, lambda: context.api.record(params.points))
        return results.Recorded(recorded, repeated)

    return record


@method("workload.query", "read", SelectParams, results.Queried)
async def query(context: CallContext, params: SelectParams) -> object:
    """Points of the history, oldest first."""
    points = await context.api.workload_query(params.selection())
    return {"points": [point.to_dict() for point in points]}


@method("workload.stats", "read", SelectParams, results.Stats)
async def stats(context: CallContext, params: SelectParams) -> object:
    """Counts, success rates and mean durations, in all and by type."""
    return await context.api.workload_stats(params.selection())


@method("workload.export", "read", SelectParams, results.Exported)
async def export(context: CallContext, params: SelectParams) -> object:
    """Points of the history in the seed's form."""
    points = await context.api.workload_query(params.selection())
    return {"data": [point.to_dict() for point in points], "count": len(points)}


@method("workload.training", "read", SelectParams, results.TrainingFormat)
async def training(context: CallContext, params: SelectParams) -> object:
    """Rows for a model, in the seed's form."""
    return await context.api.training_format(params.selection())


METHODS = (query, stats, export, training)
