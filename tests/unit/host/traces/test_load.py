"""Every public format is read, and a wrong file gets one clear error."""

from __future__ import annotations

import gzip
import lzma
import os
from pathlib import Path

import pytest

from host.errors import ConfigError
from host.traces.load import load_trace, trace_name

SWF = """; Version: 2.2
; MaxNodes: 64
; MaxProcs: 128
  1 10 5 100 4 -1 2048 8 200 -1 1 17 1 -1 -1 -1 -1 -1
  2 20 5  50 4 -1   -1 -1  -1 512 1 -1 1 -1 -1 -1 -1 -1
  3 30 5  -1 4 -1   -1 -1  -1 -1 5 17 1 -1 -1 -1 -1 -1
  4 40 5  60 -1 -1  -1 -1  -1 -1 1 17 1 -1 -1 -1 -1 -1
  5 50 5  60 256 -1 -1 -1  -1 -1 1 17 1 -1 -1 -1 -1 -1
  6 60 5   0 1 -1   -1 -1  -1 -1 5 17 1 -1 -1 -1 -1 -1
"""
CSV = "# MaxProcs=100\nid,submit,run,procs,req_time,user,start_easy\n1,0,97225,56,210000,1,0\n2,5,-1,80,14400,2,0\n"


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refdata() -> Path:
    found = Path(
        os.environ.get("ENGINE_OPS_REFDATA") or Path(__file__).resolve().parents[5] / "shared" / "refdata"
    )
    if not found.is_dir():
        pytest.skip(f"no reference data at {found}; set ENGINE_OPS_REFDATA")
    return found


def test_swf_takes_requested_size_and_time_and_falls_back_to_what_was_used(tmp_path: Path):
    trace = load_trace(written(tmp_path, "log.swf", SWF))
    first, second = trace.jobs
    assert trace.procs == 128
    assert (first.submit_s, first.run_s, first.procs, first.requested_s, first.user) == (
        10,
        100,
        8,
        200,
        "17",
    )
    assert (second.procs, second.requested_s, second.user) == (4, 50, "unknown")
    assert first.memory_bytes == 2048 * 1024
    assert second.memory_bytes == 512 * 1024


def test_swf_jobs_that_cannot_be_replayed_are_skipped_counted_and_said(tmp_path: Path):
    trace = load_trace(written(tmp_path, "log.swf", SWF))
    assert trace.skipped == {"no run time": 2, "no processors": 1, "more processors than the machine has": 1}
    assert "skipped: 1 with more processors than the machine has" in trace.description


def test_swf_without_a_size_in_the_header_takes_its_largest_job_and_says_so(tmp_path: Path):
    trace = load_trace(written(tmp_path, "log", "1 10 5 100 4 -1 -1 8 200 -1 1 17 1 -1 -1 -1 -1 -1\n"))
    assert trace.procs == 8
    assert "MaxProcs" in trace.description


def test_csv_reads_its_columns_and_leaves_others_alone(tmp_path: Path):
    trace = load_trace(written(tmp_path, "log.csv", CSV))
    assert trace.procs == 100
    assert [(job.id, job.run_s, job.procs, job.requested_s, job.user) for job in trace.jobs] == [
        ("1", 97225, 56, 210000, "1")
    ]
    assert trace.skipped == {"no run time": 1}


@pytest.mark.parametrize("content", [SWF, CSV])
@pytest.mark.parametrize("name", ["log.gz", "log.xz", "log"])
def test_compression_is_told_by_the_first_bytes_not_by_the_name(tmp_path: Path, content: str, name: str):
    plain = load_trace(written(tmp_path, "plain", content))
    for packed in (gzip.compress(content.encode()), lzma.compress(content.encode())):
        assert load_trace(written(tmp_path, name, packed)).jobs == plain.jobs


def test_jobs_are_sorted_by_submit_time_and_equal_times_keep_the_order_of_the_file(tmp_path: Path):
    rows = "".join(
        f"{ident},{submit},1,1,1,u\n" for ident, submit in [("a", 5), ("b", 1), ("c", 5), ("d", 1)]
    )
    trace = load_trace(written(tmp_path, "x.csv", "# MaxProcs=4\nid,submit,run,procs,req_time,user\n" + rows))
    assert [job.id for job in trace.jobs] == ["b", "d", "a", "c"]


def test_a_limit_reads_no_further(tmp_path: Path):
    path = written(tmp_path, "log.swf", SWF.split("  2 20")[0] + "  2 20 this line is never read\n")
    assert len(load_trace(path, limit=1).jobs) == 1


@pytest.mark.parametrize(
    ("content", "line", "right"),
    [
        ("", "", "is empty"),
        ("hello\n", ":1:", "Standard Workload Format"),
        ("; MaxProcs: many\n", ":1:", "an integer of 1 or more"),
        ("1 2 3\n", ":1:", "18 numbers"),
        ("; x\n1 10 5 zebra 4 -1 -1 8 200 -1 1 17 1 -1 -1 -1 -1 -1\n", ":2:", "give a number"),
        ("; x\n1 10 5 nan 4 -1 -1 8 200 -1 1 17 1 -1 -1 -1 -1 -1\n", ":2:", "give a number"),
        ("; MaxProcs: 4\n", "", "no job that can be used"),
        ("# MaxProcs=0\n", ":1:", "an integer of 1 or more"),
        ("# MaxProcs=4\nid,submit\n", ":2:", "has no run, procs, req_time, user"),
        ("# MaxProcs=4\nid,submit,run,procs,req_time,user\n1,2\n", ":3:", "2 values; give 6"),
        ("# MaxProcs=4\nid,submit,run,procs,req_time,user\n1,x,1,1,1,u\n", ":3:", "submit is 'x'"),
        (b"\x00\xff\xfe\x01", "", "is not text"),
        (gzip.compress(SWF.encode())[:-20], "", "damaged or cut short"),
        (lzma.compress(SWF.encode())[:-20], "", "damaged or cut short"),
    ],
)
def test_a_wrong_file_gets_one_error_with_path_line_and_what_would_be_right(
    tmp_path: Path, content: str | bytes, line: str, right: str
):
    path = written(tmp_path, "wrong", content)
    with pytest.raises(ConfigError) as raised:
        load_trace(path)
    assert str(path) + line in str(raised.value)
    assert right in str(raised.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path):
    with pytest.raises(ConfigError, match="no such file"):
        load_trace(tmp_path / "nothing.swf")
    with pytest.raises(ConfigError, match="is a folder"):
        load_trace(tmp_path)


def test_names_lose_only_the_endings_that_say_how_they_are_stored():
    assert trace_name(Path("/logs/KTH-SP2.csv.xz")) == "KTH-SP2"
    assert trace_name(Path("lublin_256_new2.gz")) == "lublin_256_new2"
    assert trace_name(Path("SDSC-SP2-1998-4.2-cln.swf.gz")) == "SDSC-SP2-1998-4.2-cln"


@pytest.mark.parametrize(
    ("file", "procs", "jobs"),
    [
        ("hpc_batch/KTH-SP2.csv.xz", 100, 28481),
        ("rlscheduler/lublin_256.swf.gz", 256, 10000),
        ("rlscheduler/lublin_256_new2.gz", 256, 10000),
    ],
)
def test_the_reference_logs_are_read_whole(file: str, procs: int, jobs: int):
    trace = load_trace(refdata() / file)
    assert (trace.procs, len(trace.jobs), trace.skipped) == (procs, jobs, {})
    assert all(job.procs <= procs and job.requested_s > 0 for job in trace.jobs)
