"""What a running host records of its plugins."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from host.errors import ConfigError
from host.rpc.pipe import Pipe
from host.rpc.recording import HIDDEN, Recorder, RecordingConfig, Tape, without_secrets
from host.workbench.dev import of_plugin
from host.workbench.recording import read_recording


def tape_of(recorder: Recorder, plugin: str) -> Tape:
    maker: Any = recorder.pipe_maker(plugin)
    tape: Tape = maker.args[0]
    return tape


def test_whole_lines_are_noted_in_their_order_however_they_come(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "r.jsonl")
    tape, other = tape_of(recorder, "forest"), tape_of(recorder, "tuner")
    tape.told(b'{"id":1}\n')
    tape.heard(b'{"id":1,"res')
    other.told(b'{"id":7}\n')
    tape.heard(b'ult":{}}\n\xff\n{"id":')
    recorder.close()
    entries = read_recording(tmp_path / "r.jsonl")
    assert [(each.process, each.to, each.line) for each in entries] == [
        (1, "plugin", '{"id":1}'),
        (2, "plugin", '{"id":7}'),
        (1, "host", '{"id":1,"result":{}}'),
        (1, "host", "\ufffd"),
    ]
    assert {each.line for each in of_plugin(entries, "tuner")} == {'{"id":7}'}


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    Recorder(tmp_path / "r.jsonl").close()
    assert stat.S_IMODE((tmp_path / "r.jsonl").stat().st_mode) == 0o600


def test_an_older_recording_is_kept_beside_the_new_one(tmp_path: Path) -> None:
    for line in (b"first\n", b"second\n", b"third\n"):
        recorder = Recorder(tmp_path / "r.jsonl")
        tape_of(recorder, "forest").told(line)
        recorder.close()
    assert [each.line for each in read_recording(tmp_path / "r.jsonl")] == ["third"]
    assert [each.line for each in read_recording(tmp_path / "r.jsonl.1")] == ["second"]
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.1"])
def test_a_file_that_is_no_recording_is_not_lost_to_one(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("work of a week")
    with pytest.raises(ConfigError, match=f"{name} is there and is no recording; give --record another name"):
        Recorder(tmp_path / "r.jsonl")
    assert [each.name for each in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "work of a week"


def test_it_ends_at_its_bound_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder(tmp_path / "r.jsonl", RecordingConfig(max_bytes=1_000))
    tape = tape_of(recorder, "forest")
    for _ in range(1_000):
        tape.told(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
    recorder.close()
    assert 900 < (tmp_path / "r.jsonl").stat().st_size <= 1_000
    assert len(read_recording(tmp_path / "r.jsonl")) > 5
    assert recorder.ended == "it has reached recording.max_bytes, 1000"
    assert [each.message for each in caplog.records].count("recording.ended") == 1


def test_a_full_disk_ends_the_recording_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder(Path("/dev/full"))
    tape = tape_of(recorder, "forest")
    tape.told(b"x" * 100_000 + b"\n")
    recorder.close()
    tape.told(b'{"id":2}\n')
    assert recorder.ended is not None and "No space left" in recorder.ended


def test_only_those_that_were_named_are_recorded(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "r.jsonl", RecordingConfig(only=("forest",)))
    assert recorder.pipe_maker("tuner") is Pipe
    assert recorder.pipe_maker("forest") is not Pipe
    recorder.close()


def test_settings_that_sound_like_secrets_are_hidden() -> None:
    config = {"trees": 40, "apiKey": "k-123", "store": [{"password": "p-456", "url": "u"}]}
    line = json.dumps({"id": 1, "method": "initialize", "params": {"config": config, "seed": 7}})
    said = json.loads(without_secrets(line.replace(", ", ",").replace(": ", ":").encode()))
    assert said["params"]["config"] == {
        "trees": 40,
        "apiKey": HIDDEN,
        "store": [{"password": HIDDEN, "url": "u"}],
    }
    assert said["params"]["seed"] == 7
    other = b'{"id":2,"method":"predict","params":{"input":{"token":"n3"}}}'
    assert without_secrets(other) == other


def test_a_file_that_cannot_be_written_is_an_error_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"serve\.record .*nowhere/r.jsonl cannot be written: No such file"):
        Recorder(tmp_path / "nowhere" / "r.jsonl")


async def test_what_is_sent_at_once_and_what_is_gathered_are_both_noted(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "run.ndjson")
    read_fd, far_write = os.pipe()
    far_read, write_fd = os.pipe()
    os.set_blocking(write_fd, False)
    pipe = recorder.pipe_maker("a")(read_fd, write_fd, lambda _: None, lambda: None)
    try:
        pipe.write(b"at once\n")
        pipe.gather(b"gathered\n")
        await asyncio.sleep(0)
        assert os.read(far_read, 100) == b"at once\ngathered\n"
    finally:
        pipe.close()
        for fd in (read_fd, far_write, far_read, write_fd):
            os.close(fd)
        recorder.close()
    noted = [json.loads(line) for line in (tmp_path / "run.ndjson").read_text().splitlines()]
    assert [(each["to"], each["line"]) for each in noted] == [("plugin", "at once"), ("plugin", "gathered")]
