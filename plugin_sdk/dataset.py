"""A stretch of workload history, as models are given it: a sequence of points with questions to ask of it."""

from __future__ import annotations

import contextlib
import math
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import msgspec

from plugin_sdk.contract.columns import ColumnBlock
from plugin_sdk.contract.workload import WorkloadDataPoint
from plugin_sdk.jsonable import encode_finite
from plugin_sdk.selected import in_time, newest, of_type, totals

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_COLUMNS = ("timestamp", "duration", "success")
_GROUPS = {"resource_usage": "resourceUsage", "features": "features"}


def features_and_labels(points: Iterable[WorkloadDataPoint]) -> tuple[list[list[float]], list[int]]:
    """The seed's training form.

    Returns:
        One row a point: timestamp and duration in milliseconds, then what it used, by resource name in sorted
        order (rows are of one length only where all points name the same resources); and 1 for success, else 0.
    """
    features: list[list[float]] = []
    labels: list[int] = []
    for point in points:
        usage = point.resource_usage
        row = [float(point.timestamp), float(point.duration)]
        row.extend(float(usage[name]) for name in sorted(usage))
        features.append(row)
        labels.append(1 if point.success else 0)
    return features, labels


class WorkloadDataset(Sequence[WorkloadDataPoint]):
    """Points of history, in the order they were added. The filters give new datasets and share the points.

    It holds points, or the columns that the host sent instead (`of_columns`), and the filters keep them columns; points
    are made of them when somebody asks for one, without what columns do not have: `metadata` and `request_id`.
    """

    def __init__(self, data_points: Iterable[WorkloadDataPoint] | None = None) -> None:
        self._points: list[WorkloadDataPoint] | None = list(data_points) if data_points is not None else []
        self._block: ColumnBlock | None = None
        self._arrays: dict[str, NDArray[np.float64]] = {}

    @classmethod
    def of_columns(cls, block: ColumnBlock) -> WorkloadDataset:
        """The points of a block, whose memory the arrays share."""
        made = cls()
        made._points, made._block = None, block
        return made

    @property
    def data_points(self) -> list[WorkloadDataPoint]:
        """The points themselves."""
        if self._points is None:
            assert self._block is not None
            self._points = points_of(self._block)
        return self._points

    @property
    def block(self) -> ColumnBlock | None:
        """The columns it was made of; `None` when it was made of points, or has been added to."""
        return self._block

    def add(self, data_point: WorkloadDataPoint) -> None:
        """Appends a point."""
        self.data_points.append(data_point)
        self._block = None
        self._arrays.clear()

    def filter_by_type(self, request_type: str) -> WorkloadDataset:
        """The points of this request type."""
        if (block := self._untouched()) is not None:
            return WorkloadDataset.of_columns(of_type(block, request_type))
        return WorkloadDataset(p for p in self.data_points if p.request_type == request_type)

    def filter_by_time_range(self, start: float, end: float) -> WorkloadDataset:
        """The points with start <= timestamp <= end, in milliseconds."""
        if (block := self._untouched()) is not None:
            return WorkloadDataset.of_columns(in_time(block, start, end))
        return WorkloadDataset(p for p in self.data_points if start <= p.timestamp <= end)

    def get_recent(self, count: int) -> WorkloadDataset:
        """The *count* points added last, oldest first; none for 0 or less."""
        if (block := self._untouched()) is not None:
            return WorkloadDataset.of_columns(newest(block, count))
        return WorkloadDataset(self.data_points[-count:] if count > 0 else ())

    def to_features_labels(self) -> tuple[list[list[float]], list[int]]:
        """See `features_and_labels`."""
        return features_and_labels(self.data_points)

    def get_statistics(self) -> dict[str, Any]:
        """Counts, share of successes (0 to 1) and mean duration (ms), in all and by request type."""
        block = self._untouched()
        sums = totals(block) if block is not None else _totals(self.data_points)
        count, successes, durations = map(sum, zip(*sums.values(), strict=True)) if sums else (0, 0, 0.0)
        return {
            "total_requests": count,
            "success_rate": successes / count if count else 0.0,
            "avg_duration": durations / count if count else 0.0,
            "by_type": {
                name: {"count": each, "success_rate": good / each, "avg_duration": total / each}
                for name, (each, good, total) in sums.items()
            },
        }

    def _untouched(self) -> ColumnBlock | None:
        """The columns, as long as no points were made of them: those may have been changed since."""
        return self._block if self._points is None else None

    def array(self, name: str) -> NDArray[np.float64]:
        """One column as numbers.

        Args:
            name: `timestamp`, `duration` (ms), `success` (1 or 0), `resource_usage.NAME` or `features.NAME`.

        Returns:
            Shape (len(self),); NaN where a point does not have it as a number.

        Raises:
            KeyError: No such column.
        """
        import numpy as np  # only where arrays are asked for

        group, _, member = name.partition(".")
        if name not in _COLUMNS and (group not in _GROUPS or not member):
            known = ", ".join((*_COLUMNS, "resource_usage.NAME", "features.NAME"))
            raise KeyError(f"no column {name!r}; give one of {known}")
        if name not in self._arrays:
            if self._block is not None:
                found = _from_block(self._block, _GROUPS.get(group, group) + (f".{member}" if member else ""))
            elif name in _COLUMNS:
                found = np.array([getattr(point, name) for point in self.data_points], dtype=np.float64)
            else:
                values = (getattr(point, group).get(member) for point in self.data_points)
                found = np.array([number_of(value) for value in values], dtype=np.float64)
            found.flags.writeable = False  # it is given out again, and may be the host's own memory
            self._arrays[name] = found
        return self._arrays[name]

    @property
    def columns(self) -> list[str]:
        """Every name that `array` gives numbers for, and `texts` texts."""
        if self._block is not None:
            return [
                *_COLUMNS,
                *(f"resource_usage.{name.removeprefix('resourceUsage.')}" for name in self._block.names
                  if name.startswith("resourceUsage.")),
                *dict.fromkeys(f"features.{name.partition('.')[2]}" for name in self._block.names
                               if name.startswith(("features.", "categories."))),
            ]  # fmt: skip
        usage = dict.fromkeys(name for point in self.data_points for name in point.resource_usage)
        features = dict.fromkeys(name for point in self.data_points for name in point.features)
        return [*_COLUMNS, *(f"resource_usage.{n}" for n in usage), *(f"features.{n}" for n in features)]

    def texts(self, name: str) -> list[str | None]:
        """A feature, `features.NAME`, as texts; `None` where a point does not have it as a text.

        Raises:
            KeyError: No such column.
        """
        group, _, member = name.partition(".")
        if group != "features" or not member:
            raise KeyError(f"no column of texts {name!r}; give features.NAME")
        if self._block is not None:
            column = f"categories.{member}"
            return self._block.texts(column) if column in self._block else [None] * len(self)
        values = (point.features.get(member) for point in self.data_points)
        return [value if isinstance(value, str) else None for value in values]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a JSON list of points, whole or not at all.

        Raises:
            NotJsonError: A point holds a number that is not finite, or something that is no JSON.
            OSError: The file cannot be written; what was there before is still there.
        """
        target = Path(path)
        encoded = encode_finite([point.to_dict() for point in self.data_points], "points")
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(encoded)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
            raise

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> WorkloadDataset:
        """Reads what `save` wrote, or any JSON list of points.

        Raises:
            ValueError: It is not that; says what and where.
        """
        try:
            rows = msgspec.json.decode(Path(path).read_bytes())
        except msgspec.DecodeError as error:
            raise ValueError(f"{os.fspath(path)} is not JSON: {error}") from error
        if not isinstance(rows, list):
            raise ValueError(f"{os.fspath(path)} holds a {type(rows).__name__}; give a list of points")
        points = cls()
        for index, row in enumerate(rows):
            try:
                points.add(WorkloadDataPoint.from_dict(row))
            except (KeyError, TypeError, AttributeError) as error:
                raise ValueError(f"{os.fspath(path)}: point {index} cannot be read: {error!r}") from error
        return points

    def __len__(self) -> int:
        if self._points is None and self._block is not None:
            return self._block.count
        return len(self.data_points)

    def __bool__(self) -> bool:
        return len(self) > 0

    def __iter__(self) -> Iterator[WorkloadDataPoint]:
        return iter(self.data_points)

    @overload
    def __getitem__(self, index: int) -> WorkloadDataPoint: ...
    @overload
    def __getitem__(self, index: slice) -> list[WorkloadDataPoint]: ...
    def __getitem__(self, index: int | slice) -> WorkloadDataPoint | list[WorkloadDataPoint]:
        return self.data_points[index]

    def __repr__(self) -> str:
        return f"WorkloadDataset({len(self)} points)"


def _totals(points: Sequence[WorkloadDataPoint]) -> dict[str, tuple[int, int, float]]:
    """Points, successes and the sum of durations by request type, in the order of their first points."""
    found: dict[str, tuple[int, int, float]] = {}
    for point in points:
        count, successes, total = found.get(point.request_type, (0, 0, 0.0))
        found[point.request_type] = count + 1, successes + bool(point.success), total + point.duration
    return found


def number_of(value: Any) -> float:
    """A feature or an amount as a number: true and false are 1 and 0, what is no number is NaN."""
    if not isinstance(value, int | float):
        return math.nan
    try:
        return float(value)
    except OverflowError:  # an integer larger than any double
        return math.nan


def points_of(block: ColumnBlock) -> list[WorkloadDataPoint]:
    """The points that a block's columns tell of."""
    usage: list[dict[str, float]] = [{} for _ in range(block.count)]
    features: list[dict[str, Any]] = [{} for _ in range(block.count)]
    for name in block.names:
        group, _, member = name.partition(".")
        if group == "categories":
            for each, text in zip(features, block.texts(name), strict=True):
                if text is not None:
                    each[member] = text
        elif group in ("resourceUsage", "features"):
            for each, value in zip(
                usage if group == "resourceUsage" else features, block.view(name), strict=True
            ):
                if value == value:  # not NaN, which says that it has none
                    each[member] = value
    kinds = block.texts("requestType") if "requestType" in block else [""] * block.count
    return [
        WorkloadDataPoint(timestamp, kind or "", used, duration, bool(success), {}, known)
        for timestamp, kind, used, duration, success, known in zip(
            block.view("timestamp"), kinds, usage, block.view("duration"), block.view("success"), features,
            strict=True,
        )
    ]  # fmt: skip


def _from_block(block: ColumnBlock, name: str) -> NDArray[np.float64]:
    import numpy as np

    if name not in block:
        return np.full(block.count, np.nan)
    return block.array(name).astype(np.float64, copy=False)
