"""Logging: one JSON object a line for machines, one short line for a terminal."""

from __future__ import annotations

import logging
import sys
import time
from typing import Any, TextIO

import msgspec

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {key: value for key, value in vars(record).items() if key not in _OWN}


class JsonFormatter(logging.Formatter):
    """`{"time", "level", "event", ...extras}`; a plugin's words are only ever values in it, so escaped."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **_extras(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=repr).decode()


class ShortFormatter(logging.Formatter):
    """`12:00:01 warning plugin.state_changed plugin=x now=backoff`, for people who watch a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        extras = "".join(f" {key}={_plain(value)}" for key, value in _extras(record).items())
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        text = f"{clock} {record.levelname.lower():7} {record.getMessage()}{extras}"
        return text + "\n" + self.formatException(record.exc_info) if record.exc_info else text


def _plain(value: object) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=repr).decode()
    safe = text.isprintable() and " " not in text and text
    return text if safe else msgspec.json.encode(text).decode()


def set_up(level: str = "info", *, stream: TextIO | None = None, as_json: bool | None = None) -> None:
    """Sends the root logger to *stream* (standard error), as JSON unless that is a terminal."""
    target = stream or sys.stderr
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        JsonFormatter() if as_json or (as_json is None and not target.isatty()) else ShortFormatter()
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
