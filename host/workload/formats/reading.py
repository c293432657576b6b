"""Points read from files, in the formats that writing.py writes; whatever the file, a bounded part of it at a time."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, AnyStr

import msgspec

from host.errors import ConfigError
from host.workload.formats.elements import MOST_BYTES, elements
from host.workload.formats.table import from_json, from_row
from host.workload.formats.text import typed
from plugin_sdk.contract.workload import WorkloadDataPoint

AT_ONCE = 1000  # rows of a table
_decode = msgspec.json.Decoder(WorkloadDataPoint).decode


def read_points(path: Path, form: str | None = None) -> Iterator[WorkloadDataPoint]:
    """Every point of the file, in its order.

    Args:
        form: One of `READERS`; without it, told by the file's name.

    Raises:
        ConfigError: The file cannot be read, or something in it is no point; says where.
    """
    form = form or _form_of(path)
    try:
        yield from READERS[form](path)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    except ModuleNotFoundError as error:
        raise ConfigError(f"{path}: {form} needs pyarrow; pip install 'engine-ops[arrow]'") from error


def _form_of(path: Path) -> str:
    form = _BY_SUFFIX.get(path.suffix.lower())
    if form is None:
        raise ConfigError(
            f"{path}: its name does not say its format; give --format, one of {', '.join(READERS)}"
        )
    return form


def _lines(path: Path, file: IO[AnyStr]) -> Iterator[AnyStr]:
    number = 0
    while line := file.readline(MOST_BYTES + 1):
        number += 1
        if len(line) > MOST_BYTES:
            raise ConfigError(f"{path}:{number}: no point: the line is longer than {MOST_BYTES} bytes")
        yield line


def _ndjson(path: Path) -> Iterator[WorkloadDataPoint]:
    with path.open("rb") as file:
        for number, line in enumerate(_lines(path, file), 1):
            if line.strip():
                try:
                    yield _decode(line)
                except msgspec.DecodeError as error:
                    raise ConfigError(f"{path}:{number}: no point: {error}") from error


def _json(path: Path) -> Iterator[WorkloadDataPoint]:
    whole = 0
    with path.open("rb") as file:
        try:
            for text in elements(file):
                yield _decode(text)
                whole += 1
        except msgspec.DecodeError as error:
            raise ConfigError(f"{path}: point {whole + 1}: {error}") from error
        except ValueError as error:
            raise ConfigError(f"{path}: {error}; {whole} points before that could be read") from error


def _csv(path: Path) -> Iterator[WorkloadDataPoint]:
    with path.open(encoding="utf-8", newline="") as file:
        csv.field_size_limit(MOST_BYTES)  # of the whole process; its own figure is less than a point may have
        rows = csv.reader(_lines(path, file))
        try:
            header = next(rows, None) or []
            for cells in rows:
                if len(cells) != len(header):
                    raise ValueError(f"it has {len(cells)} cells, and the header {len(header)}")
                named = zip(header, cells, strict=True)
                yield from_row({name: typed(name, text) for name, text in named})
        except (ValueError, csv.Error, msgspec.DecodeError) as error:
            raise ConfigError(f"{path}:{rows.line_num}: no point: {error}") from error


def _parquet(path: Path) -> Iterator[WorkloadDataPoint]:
    import pyarrow.parquet as parquet

    # With a buffer, columns are read as they are needed instead of a whole group of rows.
    with parquet.ParquetFile(path, buffer_size=MOST_BYTES) as file:
        yield from _rows(path, file.schema_arrow, file.iter_batches(batch_size=AT_ONCE))


def _arrow(path: Path) -> Iterator[WorkloadDataPoint]:
    import pyarrow

    # Mapped, a batch is as large as it likes: it takes no memory of ours.
    with pyarrow.memory_map(str(path)) as file, pyarrow.ipc.open_stream(file) as stream:
        yield from _rows(path, stream.schema, stream)


def _rows(path: Path, schema: Any, batches: Any) -> Iterator[WorkloadDataPoint]:
    encoded = {field.name for field in schema if (field.metadata or {}).get(b"engine-ops") == b"json"}
    at = 0
    try:
        for batch in batches:
            for start in range(0, batch.num_rows, AT_ONCE):
                for row in batch.slice(start, AT_ONCE).to_pylist():
                    at += 1
                    yield from_row(
                        {
                            name: from_json(value) if name in encoded and value is not None else value
                            for name, value in row.items()
                        }
                    )
    except (ValueError, msgspec.DecodeError) as error:
        raise ConfigError(f"{path}: row {at} is no point: {error}") from error


READERS: Mapping[str, Callable[[Path], Iterator[WorkloadDataPoint]]] = {
    "ndjson": _ndjson,
    "json": _json,
    "csv": _csv,
    "parquet": _parquet,
    "arrow": _arrow,
}
_BY_SUFFIX = {
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "json",
    ".csv": "csv",
    ".parquet": "parquet",
    ".arrow": "arrow",
}
