"""The fragmentation measure as compiled loops. Importing this needs numba (extra `fast`)."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np


@numba.njit(cache=True, fastmath=False)
def _measure(
    cpu: int, gpu: Any, model: int, t_cpu: Any, t_milli: Any, t_gpus: Any, t_share: Any, t_allowed: Any
) -> float:
    idle = 0
    for each in gpu:
        idle += each
    whole = 0.0
    for t in range(t_cpu.size):
        if t_gpus[t] == 0 or cpu < t_cpu[t] or not t_allowed[t, model]:
            whole += t_share[t] * idle
            continue
        usable = 0
        wasted = 0
        for each in gpu:
            if each < t_milli[t]:
                wasted += each
            else:
                usable += 1
        whole += t_share[t] * (wasted if usable >= t_gpus[t] else idle)
    return whole


@numba.njit(cache=True, fastmath=False)
def fgd_rows(
    cpu_left: Any, gpu_left: Any, model: Any, rows: Any,
    cpu: int, gpus: int, milli: int,
    t_cpu: Any, t_milli: Any, t_gpus: Any, t_share: Any, t_allowed: Any,
    scores: Any, best_gpu: Any,
) -> None:  # fmt: skip
    """Fills `scores` and `best_gpu` for each of `rows`; all of them have room."""
    width = gpu_left.shape[1]
    trial = np.empty(width, dtype=np.int64)
    for at in range(rows.size):
        row = rows[at]
        kind = model[row]
        for g in range(width):
            trial[g] = gpu_left[row, g]
        before = _measure(cpu_left[row], trial, kind, t_cpu, t_milli, t_gpus, t_share, t_allowed)
        left = cpu_left[row] - cpu
        if gpus == 1 and milli < 1000:
            best = -1
            chosen = -1
            for g in range(width):
                if gpu_left[row, g] < milli:
                    continue
                seen = False
                for earlier in range(g):
                    seen = seen or gpu_left[row, earlier] == gpu_left[row, g]
                if seen:  # an equal GPU was tried, and the first of equals wins
                    continue
                trial[g] -= milli
                after = _measure(left, trial, kind, t_cpu, t_milli, t_gpus, t_share, t_allowed)
                trial[g] += milli
                score = int(100.0 / (1.0 + math.exp(-(before - after) / 1000.0)))
                if score > best:
                    best = score
                    chosen = g
            scores[at] = best
            best_gpu[at] = chosen
            continue
        for _ in range(gpus):
            tightest = -1
            for g in range(width):
                if (
                    trial[g] >= milli
                    and trial[g] == gpu_left[row, g]
                    and (tightest < 0 or trial[g] < trial[tightest])
                ):
                    tightest = g
            trial[tightest] -= milli
        after = _measure(left, trial, kind, t_cpu, t_milli, t_gpus, t_share, t_allowed)
        scores[at] = int(100.0 / (1.0 + math.exp(-(before - after) / 1000.0)))
        best_gpu[at] = -1
