"""Log lines for machines and for people."""

from __future__ import annotations

import io
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.telemetry.logs import JsonFormatter, ShortFormatter, set_up


def record(message="it.happened", *, error=None, **extra):
    made = logging.makeLogRecord(
        {"msg": message, "levelname": "WARNING", "levelno": 30, "created": 0.0, "msecs": 7.0, **extra}
    )
    if error is not None:
        made.exc_info = (type(error), error, error.__traceback__)
    return made


def test_a_line_for_machines_has_time_level_event_and_what_was_added():
    line = json.loads(JsonFormatter().format(record(plugin="a", exit={"code": 3})))
    assert line == {
        "time": "1970-01-01T00:00:00.007Z",
        "level": "warning",
        "event": "it.happened",
        "plugin": "a",
        "exit": {"code": 3},
    }


@given(st.text() | st.dictionaries(st.text(), st.integers() | st.text()))
def test_whatever_a_plugin_says_it_stays_one_line(words):
    record_ = record(words=words)
    encoded = JsonFormatter().format(record_)
    assert "\n" not in encoded
    assert json.loads(encoded)["words"] == words
    assert ShortFormatter().format(record_).isprintable()


@pytest.mark.parametrize(
    "value",
    [object(), 1 << 20_000, "\udcff", {"a": "\ud800"}, [float("nan")]],
    ids=["object", "huge", "surrogate", "inside", "nan"],
)
def test_a_value_that_json_cannot_carry_costs_no_log_line(value):
    assert json.loads(JsonFormatter().format(record(value=value)))["event"] == "it.happened"
    assert "it.happened" in ShortFormatter().format(record(value=value))


def test_a_failure_brings_its_traceback():
    try:
        raise RuntimeError("deep inside")
    except RuntimeError as error:
        made = record(error=error)
    assert "deep inside" in json.loads(JsonFormatter().format(made))["traceback"]
    assert "deep inside" in ShortFormatter().format(made)


def test_a_line_for_people_quotes_what_has_spaces():
    text = ShortFormatter().format(record(plugin="a", why="it is late", n=3))
    assert text.endswith('warning it.happened plugin=a why="it is late" n=3')


@pytest.fixture
def restored():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_set_up_sends_json_to_a_stream_that_is_no_terminal(restored):
    stream = io.StringIO()
    set_up("info", stream=stream)
    logging.getLogger("x").info("hello", extra={"n": 1})
    logging.getLogger("x").debug("not shown")
    assert json.loads(stream.getvalue())["event"] == "hello"
