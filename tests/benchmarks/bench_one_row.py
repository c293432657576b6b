"""One prediction by `plugin_sdk.fast.one_row` beside scikit-learn's `predict` of one row: processor time, in one run.

Aim: RandomForestRegressor(100) at least 50 times sooner. Trees are fully grown. "rows that differ" walks other nodes each
time, as a plugin does that is asked about one job after the other; "the same row" finds all it needs in the processor's
caches. numpy's way is what answers where scikit-learn has not been imported.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from unittest import mock

AIM = 50
ROUNDS = 7
ROWS = 200


def run() -> dict[str, Any]:
    """See the module."""
    import numpy as np
    from sklearn.ensemble import (
        GradientBoostingRegressor,
        HistGradientBoostingRegressor,
        RandomForestClassifier,
        RandomForestRegressor,
    )
    from sklearn.linear_model import LinearRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    chance = np.random.default_rng(0)
    found: dict[str, Any] = {}
    with threadpool_limits(1):
        for size, features in ((1_000, 8), (5_000, 8), (10_000, 8), (30_000, 20)):
            x = chance.random((size, features))
            y = 3 * x[:, 0] + np.sin(9 * x[:, 1]) + chance.normal(0, 0.3, size)
            found |= _beside(
                f"RandomForestRegressor(100), {size:,} rows", RandomForestRegressor(100, random_state=0), x, y
            )
            if size == 1_000:
                found |= _beside(
                    "RandomForestClassifier(100)", RandomForestClassifier(100, random_state=0), x, y > 1
                )
                for model in (
                    GradientBoostingRegressor(),
                    HistGradientBoostingRegressor(),
                    LinearRegression(),
                    make_pipeline(StandardScaler(), Ridge()),
                ):
                    found |= _beside(type(model).__name__, model, x, y)
    return found


def _beside(name: str, model: Any, x: Any, y: Any) -> dict[str, Any]:
    import numpy as np

    from plugin_sdk.fast import one_row

    model.fit(x, y)
    quick = one_row(model)
    with mock.patch("plugin_sdk.fast.forest.compiled_walk", lambda nodes, rounded: None):
        plain = one_row(model)
    rows = [row.tolist() for row in x[:ROWS]]
    assert np.allclose([quick.predict(row) for row in rows], model.predict(x[:ROWS]), rtol=0, atol=1e-9)
    slow = _cpu_us(lambda: [model.predict(x[at : at + 1]) for at in range(10)], 10)
    differing = _cpu_us(lambda: [quick.predict(row) for row in rows], ROWS)
    same = _cpu_us(lambda: [quick.predict(rows[0]) for _ in rows], ROWS)
    numpys = _cpu_us(lambda: [plain.predict(row) for row in rows], ROWS)
    said = f"{slow:,.0f} us; {differing:.1f}, {slow / differing:.0f} times"
    if "Forest" in name or "Boosting" in name:
        said += f"; the same row {same:.1f}, {slow / same:.0f} times; by numpy {numpys:.1f}, {slow / numpys:.0f} times"
    if name.startswith("RandomForest"):
        said += "" if slow / differing >= AIM else f" (aim of {AIM} NOT reached)"
    return {name: said}


def _cpu_us(work: Callable[[], Any], calls: int) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        best = min(best, (time.process_time() - began) / calls)
    return best * 1e6
