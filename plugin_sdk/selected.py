"""Some rows of a block of columns, as a block: a column is copied when somebody asks for it, and only those rows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugin_sdk.contract.columns import ColumnBlock

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class SelectedRows(ColumnBlock):
    """Rows of *block*: a stretch of it, which is not copied at all, or those at the places given.

    Args:
        rows: In ascending order.
    """

    def __init__(self, block: ColumnBlock, rows: slice | NDArray[np.intp]) -> None:
        self._block = block
        self._rows = rows
        self._specs = block._specs
        self.count = len(range(*rows.indices(block.count))) if isinstance(rows, slice) else len(rows)

    def raw(self, name: str) -> memoryview:
        return self._block.array(name)[self._rows].data.cast("B")


def of_type(block: ColumnBlock, request_type: str) -> SelectedRows:
    """The rows of this request type."""
    import numpy as np  # only where columns are asked something

    words = block.spec("requestType").dictionary or ()
    code = words.index(request_type) if request_type in words else len(words)  # which no row has
    return SelectedRows(block, np.flatnonzero(block.array("requestType") == code))


def in_time(block: ColumnBlock, start: float, end: float) -> SelectedRows:
    """The rows with start <= timestamp <= end."""
    import numpy as np

    times = block.array("timestamp")
    return SelectedRows(block, np.flatnonzero((times >= start) & (times <= end)))


def newest(block: ColumnBlock, count: int) -> SelectedRows:
    """The last *count* rows."""
    return SelectedRows(block, slice(max(0, block.count - max(0, count)), block.count))


def totals(block: ColumnBlock) -> dict[str, tuple[int, int, float]]:
    """Rows, successes and the sum of durations by request type, in the order of their first rows."""
    import numpy as np

    codes = block.array("requestType")
    words = block.spec("requestType").dictionary or ()
    found = {}
    for code in dict.fromkeys(codes.tolist()):
        rows = np.flatnonzero(codes == code)
        # Summed one after the other, as the points are: the same figures to the last digit.
        total = sum(block.array("duration")[rows].tolist())
        found[words[code] if code >= 0 else ""] = (
            len(rows),
            int(np.count_nonzero(block.array("success")[rows])),
            total,
        )
    return found
