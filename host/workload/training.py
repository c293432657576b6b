"""What models are trained on: the seed's rows, and a table of named features with a target, split by time.

Theory of operation. A feature is what was known before the outcome: a point's `features`, numbers as they are, texts
as codes into a dictionary. The test part is the latest points. Nothing of the training part may come from after its
beginning: its points had ended by then, and the columns, the dictionaries and their order come from the training
part alone, so that a text that first appears in the test part has no code (-1), as it would have had none that day.
Source: Bergmeir & Benítez (2012), On the use of cross-validation for time series predictor evaluation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from host.errors import RequestError
from host.workload.statistics import column, names
from host.workload.store.index import Run
from host.workload.store.segment import NUMBER, TEXT, USAGE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_ROWS = 100_000
_TARGETS = ("duration", "success")


class TrainingWish(msgspec.Struct, frozen=True):
    """How the table is to be.

    Fields:
        target: `duration`, `success`, `resourceUsage.NAME` or `features.NAME`; without it, the seed's rows.
        test: Share of the points, the latest, that is for testing; in [0, 1).
        features: These alone, by name; all of them without it.
    """

    target: str | None = None
    test: float = 0.2
    features: tuple[str, ...] | None = None


def training_table(found: Sequence[Sequence[Run]], wish: TrainingWish) -> dict[str, Any]:
    """The table of the points of *found*.

    Raises:
        RequestError: The target is no column, or the test share no share.
    """
    runs = [run for each in found for run in each]
    return _seed_rows(runs) if wish.target is None else _table(runs, wish, wish.target)


def _seed_rows(runs: Sequence[Run]) -> dict[str, Any]:
    """`{features, labels, metadata: {featureNames, size}}`; a label is 1 for success."""
    import numpy as np  # not at the host's start

    order = np.argsort(column(runs, "seq"), kind="stable")
    times, durations = (column(runs, name)[order].tolist() for name in ("timestamp", "duration"))
    labels = column(runs, "success")[order].astype(int).tolist()
    return {
        "features": [list(row) for row in zip(times, durations, labels, strict=True)],
        "labels": labels,
        "metadata": {"featureNames": ["timestamp", "duration", "success"], "size": len(labels)},
    }


def _table(runs: Sequence[Run], wish: TrainingWish, target: str) -> dict[str, Any]:
    import numpy as np

    if not (math.isfinite(wish.test) and 0 <= wish.test < 1):
        raise RequestError(
            f"test is {wish.test!r}; give a share of 0 or more and below 1",
            path="test",
            value=wish.test,
            hint="give a share of 0 or more and below 1",
        )
    labels = _target(runs, target)
    times, durations = column(runs, "timestamp"), column(runs, "duration")
    order = np.lexsort((column(runs, "seq"), times))
    order = order[~np.isnan(labels[order])]
    train, test = _split(order, times, durations, wish.test)
    columns: list[NDArray[Any]] = []
    featured: list[str] = []
    categories: dict[str, list[str]] = {}
    for name in names(runs, NUMBER):
        short = name.removeprefix(NUMBER)
        values = column(runs, name)
        if name != target and _wanted(short, wish) and not np.isnan(values[train]).all():
            featured.append(short)
            columns.append(values)
    for name in names(runs, TEXT):
        short = name.removeprefix(TEXT)
        if _wanted(short, wish):
            codes, words = _codes(runs, name, train)
            if words:
                # A feature that is a number in some points and a text in others has two columns.
                called = f"{short}=" if short in featured else short
                featured.append(called)
                columns.append(codes)
                categories[called] = words
    return {
        "features": _rows(columns, train),
        "labels": labels[train].tolist(),
        "test": {"features": _rows(columns, test), "labels": labels[test].tolist()},
        "metadata": {
            "featureNames": featured,
            "size": len(train),
            "target": target,
            "categories": categories,
            "split": {
                "at": float(times[test[0]]) if len(test) else None,
                "train": len(train),
                "test": len(test),
                "leftOut": len(order) - len(train) - len(test),
            },
        },
    }


def _split(
    order: NDArray[np.intp], times: NDArray[np.float64], durations: NDArray[np.float64], share: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices for training and for testing. Of the earlier points, those that had not ended when the test begins
    are in neither: their outcome was not known."""
    count = math.ceil(len(order) * share) if share else 0
    test = order[len(order) - count :]
    train = order[: len(order) - count]
    if count:
        train = train[times[train] + durations[train] <= times[test[0]]]
    return train, test


def _target(runs: Sequence[Run], target: str) -> NDArray[np.float64]:
    known = [*_TARGETS, *names(runs, USAGE), *names(runs, NUMBER)]
    if target not in known:
        some = ", ".join(known[:12])
        raise RequestError(
            f"target is {target!r}, which is no column of numbers; give one of {some}",
            path="target",
            value=target,
            hint=f"give one of {some}",
        )
    return column(runs, target).astype(float)


def _codes(runs: Sequence[Run], name: str, train: NDArray[np.intp]) -> tuple[NDArray[np.float64], list[str]]:
    """The column's codes, and its dictionary in the order in which the training points come."""
    import numpy as np

    words: dict[str, int] = {}
    parts = []
    for run in runs:
        if name not in run.segment.block:
            parts.append(np.full(len(run.places), -1))
            continue
        anew = [words.setdefault(word, len(words)) for word in run.segment.block.spec(name).dictionary or ()]
        values = np.asarray([*anew, -1])[run.segment.block.array(name)]
        places = run.places
        parts.append(values[places.start : places.stop] if isinstance(places, range) else values[places])
    every = np.concatenate(parts)
    seen = dict.fromkeys(every[train].tolist())
    seen.pop(-1, None)
    final = np.full(len(words) + 1, -1)  # its last place stands for -1
    for new, old in enumerate(seen):
        final[old] = new
    spelt = list(words)
    return final[every].astype(float), [spelt[old] for old in seen]


def _rows(columns: Sequence[NDArray[Any]], places: NDArray[np.intp]) -> list[list[float | None]]:
    """One row a point; what it does not have is `None`."""
    picked = [
        [None if value != value else value for value in each[places].tolist()]  # NaN has no form in JSON
        for each in columns
    ]
    return [list(row) for row in zip(*picked, strict=True)] if picked else [[] for _ in places]


def _wanted(name: str, wish: TrainingWish) -> bool:
    return wish.features is None or name in wish.features
