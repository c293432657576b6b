"""Points of history as columns: one block of bytes, in a plain layout that any language can read in place.

Layout, little-endian: 4 bytes `EOC1`; the length of the header, 4 bytes; the header, JSON, padded with spaces so that
the data begin at a multiple of 8; the columns one after the other, each beginning at a multiple of 8. The header is
`{"count": n, "columns": [{"name", "dtype", "offset", "dictionary"?}]}`; offsets count from the beginning of the block.

| dtype | a value |
|---|---|
| `f8` | IEEE 754 double; NaN where a point has none |
| `i8` | signed 64-bit integer |
| `i4` | signed 32-bit integer, an index into `dictionary`; -1 where a point has none |
| `u1` | 0 or 1 |
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAGIC = b"EOC1"
MISSING = -1
_ALIGN = 8
_CODES = {"f8": "d", "i8": "q", "i4": "i", "u1": "B"}
_WIDTHS = {"f8": 8, "i8": 8, "i4": 4, "u1": 1}


class ColumnsError(ValueError):
    """Bytes that are no block of columns; says in what."""


class ColumnSpec(msgspec.Struct, omit_defaults=True, frozen=True):
    """One column, as the header names it."""

    name: str
    dtype: str
    offset: int
    dictionary: tuple[str, ...] | None = None


class _Header(msgspec.Struct):
    count: int
    columns: list[ColumnSpec]


_decode_header = msgspec.json.Decoder(_Header).decode
Values = Any  # array, bytes, memoryview: whatever has a buffer


class Column(msgspec.Struct, frozen=True):
    """One column to be packed. `values` has the width of `dtype` a value."""

    name: str
    dtype: str
    values: Values
    dictionary: tuple[str, ...] | None = None


class ColumnBlock:
    """A block, read in place: nothing is copied until somebody asks for a copy."""

    def __init__(self, data: bytes | memoryview) -> None:
        """Reads the header.

        Raises:
            ColumnsError: These bytes are no block, or end too early.
        """
        self.data = memoryview(data)
        if bytes(self.data[:4]) != MAGIC:
            raise ColumnsError(f"it begins with {bytes(self.data[:4])!r}; a block begins with {MAGIC!r}")
        size = int.from_bytes(self.data[4:8], "little")
        try:
            header = _decode_header(self.data[8 : 8 + size])
        except msgspec.DecodeError as error:
            raise ColumnsError(f"its header cannot be read: {error}") from error
        self.count = header.count
        self._specs: Mapping[str, ColumnSpec] = {each.name: each for each in header.columns}
        for spec in header.columns:
            end = spec.offset + self.count * _WIDTHS.get(spec.dtype, 0)
            if spec.dtype not in _WIDTHS or self.count < 0 or spec.offset < 0 or end > len(self.data):
                raise ColumnsError(
                    f"its column {spec.name!r} of {self.count} {spec.dtype} does not lie within it"
                )

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, in the order of the header."""
        return tuple(self._specs)

    def __contains__(self, name: object) -> bool:
        return name in self._specs

    def spec(self, name: str) -> ColumnSpec:
        """The header's entry. Raises `KeyError`."""
        return self._specs[name]

    def raw(self, name: str) -> memoryview:
        """The column's bytes."""
        spec = self._specs[name]
        return self.data[spec.offset : spec.offset + self.count * _WIDTHS[spec.dtype]]

    def view(self, name: str) -> memoryview:
        """The column as a sequence of numbers."""
        return self.raw(name).cast(_CODES[self._specs[name].dtype])  # type: ignore[call-overload, no-any-return]

    def array(self, name: str) -> NDArray[Any]:
        """The column as a numpy array that shares the block's memory."""
        import numpy as np  # only where arrays are asked for

        return np.frombuffer(self.raw(name), dtype=f"<{self._specs[name].dtype}")

    def texts(self, name: str) -> list[str | None]:
        """A column of codes, as the texts they stand for."""
        words = self._specs[name].dictionary or ()
        return [words[code] if code >= 0 else None for code in self.view(name)]


def block_header(
    count: int, columns: Sequence[tuple[str, str, tuple[str, ...] | None]]
) -> tuple[bytes, list[int]]:
    """The beginning of a block, and where each of its columns (name, dtype, dictionary) lies."""
    places = [0] * len(columns)
    while True:  # the header's length moves the offsets, which may lengthen the header: twice is enough
        specs = [
            ColumnSpec(name, dtype, place, words)
            for (name, dtype, words), place in zip(columns, places, strict=True)
        ]
        header = msgspec.json.encode(_Header(count, specs))
        header += b" " * (-(8 + len(header)) % _ALIGN)
        offset, wanted = 8 + len(header), []
        for _, dtype, _ in columns:
            wanted.append(offset)
            offset += -(-count * _WIDTHS[dtype] // _ALIGN) * _ALIGN
        if wanted == places:
            return MAGIC + len(header).to_bytes(4, "little") + header, places
        places = wanted


def pack(count: int, columns: Iterable[Column]) -> bytes:
    """A block of *count* points; the columns lie in the order given."""
    given = list(columns)
    header, places = block_header(count, [(each.name, each.dtype, each.dictionary) for each in given])
    last = given[-1].dtype if given else "u1"
    end = places[-1] + -(-count * _WIDTHS[last] // _ALIGN) * _ALIGN if places else len(header)
    block = bytearray(end)
    block[: len(header)] = header
    for each, place in zip(given, places, strict=True):
        block[place : place + count * _WIDTHS[each.dtype]] = memoryview(each.values).cast("B")
    return bytes(block)


def numbers(name: str, values: Iterable[float]) -> Column:
    """A column of doubles."""
    return Column(name, "f8", array("d", values))


def codes(name: str, values: Sequence[str | None]) -> Column:
    """A column of texts, by a dictionary in the order of their first appearance."""
    known: dict[str | None, int] = {None: MISSING}
    words: list[str] = []
    found = array("i")
    for value in values:
        code = known.get(value)
        if code is None:
            assert value is not None
            code = known[value] = len(words)
            words.append(value)
        found.append(code)
    return Column(name, "i4", found, tuple(words))
