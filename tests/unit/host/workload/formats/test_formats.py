"""Every format gives back the points that were written, a bounded number at a time."""

from __future__ import annotations

import io
import json
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host.errors import ConfigError
from host.workload.formats.elements import elements
from host.workload.formats.reading import READERS, read_points
from host.workload.formats.writing import WRITERS
from host.workload.store.lines import encode_lines
from plugin_sdk.contract.workload import WorkloadDataPoint

TEXT = st.text(st.characters(blacklist_categories=("Cs",)), max_size=6)
TRICKY = st.sampled_from(["", "1", "true", "null", '"', '"x"', " x", "a,b", "a\nb", "=1+1", "{}", "é"])
VALUES = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
FEATURES = st.dictionaries(
    st.sampled_from(["user", "procs", "a b", "x,y"]),
    VALUES | TEXT | TRICKY | st.lists(st.integers(), max_size=2),
)
POINTS = st.lists(
    st.builds(
        WorkloadDataPoint,
        timestamp=st.floats(-1e15, 1e15),
        request_type=TEXT.filter(bool) | TRICKY.filter(bool),
        resource_usage=st.dictionaries(st.sampled_from(["cpu", "gpu"]), st.floats(-1e9, 1e9)),
        duration=st.floats(0, 1e9),
        success=st.booleans(),
        metadata=st.dictionaries(TEXT, VALUES | TEXT, max_size=2),
        features=FEATURES,
        request_id=st.none() | TEXT | TRICKY,
    ),
    max_size=12,
)


ONE = encode_lines([WorkloadDataPoint(1.0, "a", {}, 1.0, True)])[0]


@pytest.mark.parametrize("form", list(WRITERS))
@given(points=POINTS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_written_is_read_back(form, points, tmp_path):
    if form in ("parquet", "arrow"):
        pytest.importorskip("pyarrow", reason="NO PYARROW: Parquet and Arrow are not tried")
    out = io.BytesIO()
    assert WRITERS[form](lambda: encode_lines(points), out) == len(points)
    path = tmp_path / f"points.{form}"
    path.write_bytes(out.getvalue())
    read = list(read_points(path))
    for each in points:
        if form != "ndjson" and form != "json":  # a cell that is empty cannot say by whom
            each.features = {name: value for name, value in each.features.items() if value is not None}
    assert read == points


def test_memory_holds_a_bounded_number_of_points_whatever_the_format(tmp_path):
    """Counted by the points that are alive at once: the lines are made as they are asked for."""
    alive, most = set(), 0

    class Line(bytes):
        def __new__(cls, at):
            nonlocal most
            line = super().__new__(cls, encode_lines([point(at)])[0])
            alive.add(at)
            most = max(most, len(alive))
            line.at = at
            return line

        def __del__(self):
            alive.discard(self.at)

    def point(at):
        return WorkloadDataPoint(float(at), "a", {"cpu": 1.0}, 1.0, True, {}, {"n": at})

    for form, writer in WRITERS.items():
        with (tmp_path / form).open("wb") as out:
            assert writer(lambda: map(Line, range(10_000)), out) == 10_000
        assert most < 10, form


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.ndjson", b'{"timestamp": 1}\n', "a.ndjson:1: no point"),
        ("a.ndjson", b"not JSON\n", "a.ndjson:1: no point"),
        ("a.json", b'{"points": []}', "neither a list of points nor an export"),
        ("a.json", b"", "neither a list of points nor an export"),
        ("a.json", b'[{"timestamp": 1}]', "a.json: point 1: .*requestType"),
        ("a.json", b'{"data": [%s, %s' % (ONE, ONE[:-3]), "it ends within point 2; 1 points before"),
        ("a.json", b'{"data": [%s]' % ONE, "around the list"),
        ("a.json", b'{"data": [%s], "count": 2}' % ONE, "says that it has 2 points, and it has 1"),
        ("a.json", b"[%s %s]" % (ONE, ONE), "after point 1 stands b'{' instead of a comma"),
        ("a.json", b"[%s,]" % ONE, "point 2 begins with b']'"),
        ("a.json", b"[1]", "point 1 begins with b'1'"),
        ("a.csv", b"timestamp,duration\n1\n", "a.csv:2: no point: it has 1 cells, and the header 2"),
        ("a.csv", b"timestamp,colour\n1,red\n", "there is a column 'colour'"),
        ("a.csv", b"timestamp\nsoon\n", "a.csv:2"),
        ("a.weights", b"", "its name does not say its format"),
    ],
)
def test_what_is_no_point_is_named_with_its_place(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        list(read_points(path))


def test_a_file_that_is_not_there_is_an_error_of_whoever_named_it(tmp_path):
    for form in READERS:
        if form not in ("parquet", "arrow"):
            with pytest.raises(ConfigError, match="cannot be read"):
                list(read_points(tmp_path / "absent", form))


@given(POINTS, st.integers(1, 40), st.sampled_from(["list", "export", "spread"]))
@settings(max_examples=60)
def test_a_json_document_is_read_alike_in_pieces_of_any_size(points, size, how):
    rows = [json.loads(line) for line in encode_lines(points)]
    whole = rows if how == "list" else {"at": {"data": [1], "x": '"}]'}, "data": rows, "count": len(rows)}
    text = json.dumps(whole, indent=2 if how == "spread" else None, ensure_ascii=how == "list").encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("host.workload.formats.elements.CHUNK_BYTES", max(size, 1))
        patch.setattr("host.workload.formats.elements.AROUND_BYTES", 120)
        first = io.BytesIO(text) if how == "list" else _FirstWhole(text, 120)
        assert [json.loads(each) for each in elements(first)] == rows


class _FirstWhole(io.BytesIO):
    """What stands before the list is read at once; it is small against what is read at once in earnest."""

    def __init__(self, text, least):
        super().__init__(text)
        self._least = least

    def read(self, size=-1):
        size, self._least = max(size, self._least), 0
        return super().read(size)


def test_a_json_document_of_any_length_takes_the_memory_of_a_point(tmp_path):
    path = tmp_path / "long.json"
    with path.open("wb") as out:
        WRITERS["json"](lambda: (ONE for _ in range(100_000)), out)
    assert path.stat().st_size > 10_000_000
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_points(path)) == 100_000
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("form", ["ndjson", "csv", "json"])
def test_what_never_ends_is_refused_before_it_is_read_whole(tmp_path, form):
    path = tmp_path / f"endless.{form}"
    with path.open("wb") as out:
        out.write(b'[{"' if form == "json" else b'timestamp,requestType\n1,"' if form == "csv" else b'{"')
        for _ in range(10):
            out.write(b"x" * 1_000_000)
    with pytest.raises(ConfigError, match=r"8388608|field larger"):
        list(read_points(path))
