"""Points read from files, in the formats that writing.py writes."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from host.errors import ConfigError
from host.workload.formats.table import from_json, from_row
from host.workload.formats.text import typed
from plugin_sdk.contract.workload import WorkloadDataPoint

_decode = msgspec.json.Decoder(WorkloadDataPoint).decode


class _Exported(msgspec.Struct):
    data: list[WorkloadDataPoint]


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
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from error
    except ModuleNotFoundError as error:
        raise ConfigError(f"{path}: {form} needs pyarrow; pip install 'engine-ops[arrow]'") from error


def _form_of(path: Path) -> str:
    form = _BY_SUFFIX.get(path.suffix.lower())
    if form is None:
        raise ConfigError(
            f"{path}: its name does not say its format; give --format, one of {', '.join(READERS)}"
        )
    return form


def _ndjson(path: Path) -> Iterator[WorkloadDataPoint]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    yield _decode(line)
                except msgspec.DecodeError as error:
                    raise ConfigError(f"{path}:{number}: no point: {error}") from error


def _json(path: Path) -> Iterator[WorkloadDataPoint]:
    text = path.read_bytes()
    try:
        if text.lstrip()[:1] == b"[":
            yield from msgspec.json.decode(text, type=list[WorkloadDataPoint])
        else:
            yield from msgspec.json.decode(text, type=_Exported).data
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path}: neither a list of points nor an export of them: {error}") from error


def _csv(path: Path) -> Iterator[WorkloadDataPoint]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
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

    with parquet.ParquetFile(path) as file:
        yield from _rows(path, file.schema_arrow, file.iter_batches(batch_size=1000))


def _arrow(path: Path) -> Iterator[WorkloadDataPoint]:
    import pyarrow

    with pyarrow.OSFile(str(path)) as file, pyarrow.ipc.open_stream(file) as stream:
        yield from _rows(path, stream.schema, stream)


def _rows(path: Path, schema: Any, batches: Any) -> Iterator[WorkloadDataPoint]:
    encoded = {field.name for field in schema if (field.metadata or {}).get(b"engine-ops") == b"json"}
    at = 0
    try:
        for batch in batches:
            for row in batch.to_pylist():
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
