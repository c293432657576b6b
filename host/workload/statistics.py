"""The seed's statistics, with quantiles of durations and usage, out of columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from host.workload.store.index import Run
from host.workload.store.segment import USAGE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def statistics(found: Sequence[Sequence[Run]]) -> dict[str, Any]:
    """`{totalRequests, successRate, avgDuration, byType}` of the runs of each type; durations in milliseconds.

    Each type has `count`, `successRate` and `avgDuration`, and `duration` and `usage.NAME` with `p50`, `p95` and `p99`
    (linear between neighbours, as numpy and spreadsheets have it).
    """
    import numpy as np  # not at the host's start

    most = max((sum(len(run.places) for run in runs) for runs in found), default=0)
    # One piece of memory for every column in turn: to be given a fresh one costs more than to count in it.
    room = np.empty(most)
    by_type = {runs[0].segment.type: _of_type(runs, room) for runs in found}
    total = sum(each["count"] for each in by_type.values())

    def over_all(name: str) -> float:
        return sum(each[name] * each["count"] for each in by_type.values()) / total if total else 0.0

    return {
        "totalRequests": total,
        "successRate": over_all("successRate"),
        "avgDuration": over_all("avgDuration"),
        "byType": dict(sorted(by_type.items())),
    }


def column(runs: Sequence[Run], name: str) -> NDArray[Any]:
    """One column of doubles or ones and zeros over all *runs*; NaN where a segment has none."""
    import numpy as np

    parts = _parts(runs, name)
    return np.concatenate(parts) if parts else np.empty(0)


def _parts(runs: Sequence[Run], name: str) -> list[NDArray[Any]]:
    import numpy as np

    parts = []
    for run in runs:
        if name not in run.segment.block:
            parts.append(np.full(len(run.places), np.nan))
            continue
        values = run.segment.block.array(name)
        if isinstance(run.places, range):
            parts.append(values[run.places.start : run.places.stop])
        else:
            parts.append(values[run.places])
    return parts


def names(runs: Sequence[Run], group: str) -> list[str]:
    """Every column whose name begins with *group*, sorted."""
    return sorted({name for run in runs for name in run.segment.block.names if name.startswith(group)})


def _of_type(runs: Sequence[Run], room: NDArray[np.float64]) -> dict[str, Any]:
    import numpy as np

    def laid_out(name: str) -> NDArray[np.float64]:
        parts = _parts(runs, name)
        return np.concatenate(parts, out=room[: sum(map(len, parts))])

    durations = laid_out("duration")
    mean = float(durations.mean())  # before they are put in another order
    successes = sum(int(np.count_nonzero(part)) for part in _parts(runs, "success"))
    found = {
        "count": len(durations),
        "successRate": successes / len(durations),
        "avgDuration": mean,
        "duration": _quantiles(durations),
    }
    usage = {name.removeprefix(USAGE): _quantiles(laid_out(name)) for name in names(runs, USAGE)}
    return found | {"usage": {name: each for name, each in usage.items() if each}}


def _quantiles(values: NDArray[np.float64]) -> dict[str, float]:
    """Of those values that are there; nothing when none is. Puts them in another order."""
    import numpy as np

    if np.isnan(values[0]) or np.isnan(values.sum()):
        values = values[~np.isnan(values)]
    if not len(values):
        return {}
    last = len(values) - 1
    values.partition(sorted({int(share * last) for share in _QUANTILES.values()} | {last}))
    return {name: _between(values, share * last) for name, share in _QUANTILES.items()}


def _between(partitioned: NDArray[np.float64], place: float) -> float:
    low = int(place)
    value = float(partitioned[low])
    if place == low or low + 1 >= len(partitioned):
        return value
    above = float(partitioned[low + 1 :].min())
    return value + (place - low) * (above - value)
