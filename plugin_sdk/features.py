"""Features as rows of numbers: learned once from history, then the same offline, for a table, and online, for one input.

A model that is trained on one code and asked through another sees two different worlds (training-serving skew). So
there is one rule for a value, `FeatureBuilder.row`, and the table is made of it; where the history comes as columns, of
the same rule over whole columns, which a test holds to the first.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from plugin_sdk.contract.workload import WorkloadDataPoint
from plugin_sdk.dataset import WorkloadDataset, number_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

UNKNOWN = -1.0  # code of a text that was not in the history, and of none


class FeatureBuilder:
    """Columns of numbers out of `features`: numbers as they are, texts as codes into a dictionary.

    A feature that was a number in some points and a text in others has two columns, `NAME` and `NAME=`.

    Attributes:
        names: The columns, in their order; empty before `fit`.
        dictionaries: The texts of each column of codes, by its name.
    """

    def __init__(self, only: Sequence[str] | None = None) -> None:
        """Args:
        only: Names of features; without it, all there are.
        """
        self._only = tuple(only) if only is not None else None
        self._columns: list[tuple[str, dict[str, float] | None]] = []
        self.names: list[str] = []

    @property
    def dictionaries(self) -> dict[str, list[str]]:
        return {
            name: list(codes)
            for name, (_, codes) in zip(self.names, self._columns, strict=True)
            if codes is not None
        }

    def fit(self, points: Iterable[WorkloadDataPoint]) -> FeatureBuilder:
        """Takes the columns and dictionaries from *points*, in the order of their first appearance."""
        data = points if isinstance(points, WorkloadDataset) else WorkloadDataset(points)
        columns: list[tuple[str, dict[str, float] | None]] = []
        for name in (each.removeprefix("features.") for each in data.columns if each.startswith("features.")):
            if self._only is not None and name not in self._only:
                continue
            if not all(math.isnan(value) for value in data.array(f"features.{name}")):
                columns.append((name, None))
            codes: dict[str, float] = {}
            for text in data.texts(f"features.{name}"):
                if text is not None:
                    codes.setdefault(text, float(len(codes)))
            if codes:
                columns.append((name, codes))
        self._columns = sorted(columns, key=lambda column: (column[0], column[1] is not None))
        self._name()
        return self

    def row(self, features: Mapping[str, Any]) -> list[float]:
        """One input's numbers, in the order of `names`; NaN for a number it does not have, -1 for such a text."""
        return [
            number_of(features.get(name)) if codes is None else _code(features.get(name), codes)
            for name, codes in self._columns
        ]

    def table(self, points: Iterable[WorkloadDataPoint]) -> NDArray[np.float64]:
        """Shape (points, names): each point's `row`."""
        import numpy as np  # only where arrays are asked for

        block = points.block if isinstance(points, WorkloadDataset) else None
        if block is None:
            rows = [self.row(point.features) for point in points]
            return np.array(rows, dtype=np.float64).reshape(len(rows), len(self._columns))
        found = np.empty((block.count, len(self._columns)))
        assert isinstance(points, WorkloadDataset)
        for at, (name, codes) in enumerate(self._columns):
            if codes is None:
                found[:, at] = points.array(f"features.{name}")
            elif f"categories.{name}" not in block:
                found[:, at] = UNKNOWN
            else:
                words = block.spec(f"categories.{name}").dictionary or ()
                # Its last place stands for -1, which is "none".
                anew = np.array([*(_code(word, codes) for word in words), UNKNOWN])
                found[:, at] = anew[block.array(f"categories.{name}")]
        return found

    def spec(self) -> dict[str, Any]:
        """What it has learned, as plain JSON."""
        return {
            "columns": [[name, list(codes) if codes is not None else None] for name, codes in self._columns]
        }

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> FeatureBuilder:
        """The builder that said `spec`."""
        made = cls()
        made._columns = [
            (name, {text: float(code) for code, text in enumerate(texts)} if texts is not None else None)
            for name, texts in spec["columns"]
        ]
        made._name()
        return made

    def _name(self) -> None:
        taken: set[str] = set()
        self.names = []
        for name, codes in self._columns:
            said = f"{name}=" if codes is not None and name in taken else name
            taken.add(said)
            self.names.append(said)


def _code(value: Any, codes: Mapping[str, float]) -> float:
    return codes.get(value, UNKNOWN) if isinstance(value, str) else UNKNOWN
