"""Points written out: lines, the seed's JSON, CSV; and, where pyarrow is, Parquet and Arrow."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import IO, Any

import msgspec

from host.workload.formats.table import Kind, Shape, to_row
from host.workload.formats.text import cell
from plugin_sdk.contract.workload import WorkloadDataPoint

BATCH_ROWS = 1000
Again = Callable[[], Iterable[bytes]]
"""Gives the points' lines from the beginning, each time it is called."""
_decode = msgspec.json.Decoder(WorkloadDataPoint).decode


def write_ndjson(again: Again, out: IO[bytes]) -> int:
    """One point a line. Returns how many."""
    count = 0
    for line in again():
        out.write(line + b"\n")
        count += 1
    return count


def write_json(again: Again, out: IO[bytes]) -> int:
    """The seed's `{data: [...], count}`."""
    count = 0
    out.write(b'{"data":[')
    for line in again():
        out.write((b",\n" if count else b"\n") + line)
        count += 1
    out.write(b'],"count":%d}\n' % count)
    return count


def write_csv(again: Again, out: IO[bytes]) -> int:
    """A header and a row a point (RFC 4180); see text.py for what stands in a cell."""
    columns = shape_of(again)
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    count = 0
    try:
        writer = csv.writer(text)
        writer.writerow(columns)
        for point in map(_decode, again()):
            row = to_row(point, columns)
            writer.writerow([cell(row[name], kind) for name, kind in columns.items()])
            count += 1
        text.flush()
    finally:
        text.detach()
    return count


def write_parquet(again: Again, out: IO[bytes]) -> int:
    """Apache Parquet, compressed; needs pyarrow."""
    import pyarrow.parquet as parquet

    columns = shape_of(again)
    count = 0
    with parquet.ParquetWriter(out, _schema(columns), compression="zstd") as writer:
        for batch in _batches(again, columns):
            writer.write_batch(batch)
            count += batch.num_rows
    return count


def write_arrow(again: Again, out: IO[bytes]) -> int:
    """Arrow's IPC stream; needs pyarrow."""
    import pyarrow

    columns = shape_of(again)
    count = 0
    with pyarrow.ipc.new_stream(out, _schema(columns)) as writer:
        for batch in _batches(again, columns):
            writer.write_batch(batch)
            count += batch.num_rows
    return count


WRITERS: Mapping[str, Callable[[Again, IO[bytes]], int]] = {
    "ndjson": write_ndjson,
    "csv": write_csv,
    "json": write_json,
    "parquet": write_parquet,
    "arrow": write_arrow,
}
BINARY = frozenset({"parquet", "arrow"})


def shape_of(again: Again) -> dict[str, Kind]:
    """The columns of all of the points."""
    shape = Shape()
    for line in again():
        shape.see(_decode(line))
    return shape.columns()


def _schema(columns: Mapping[str, Kind]) -> Any:
    import pyarrow as pa

    types = {
        "int": pa.int64(),
        "float": pa.float64(),
        "bool": pa.bool_(),
        "text": pa.string(),
        "json": pa.string(),
    }
    # Which texts are JSON is written down, since a reader could not tell.
    return pa.schema(
        [pa.field(name, types[kind], metadata={"engine-ops": kind}) for name, kind in columns.items()]
    )


def _batches(again: Again, columns: Mapping[str, Kind]) -> Iterator[Any]:
    import pyarrow as pa

    schema = _schema(columns)
    rows: list[dict[str, Any]] = []
    for line in again():
        rows.append(to_row(_decode(line), columns))
        if len(rows) == BATCH_ROWS:
            yield pa.RecordBatch.from_pylist(rows, schema=schema)
            rows = []
    if rows:
        yield pa.RecordBatch.from_pylist(rows, schema=schema)
