"""Logging: one JSON object a line for machines, one short line for a terminal."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any, TextIO

import msgspec

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def extras(record: logging.LogRecord) -> dict[str, Any]:
    """What a caller of the logger added to a line."""
    return {key: value for key, value in vars(record).items() if key not in _OWN}


class JsonFormatter(logging.Formatter):
    """`{"time", "level", "event", ...extras}`; a plugin's words are only ever values in it, so escaped."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **{key: msgspec.Raw(_encoded(value)) for key, value in extras(record).items()},
        }
        if record.exc_info:
            line["traceback"] = msgspec.Raw(_encoded(self.formatException(record.exc_info)))
        return msgspec.json.encode(line).decode()


class ShortFormatter(logging.Formatter):
    """`12:00:01 warning plugin.state_changed plugin=x now=backoff`, for people who watch a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        more = "".join(f" {key}={_plain(value)}" for key, value in extras(record).items())
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        text = f"{clock} {record.levelname.lower():7} {record.getMessage()}{more}"
        return text + "\n" + self.formatException(record.exc_info) if record.exc_info else text


def _plain(value: object) -> str:
    text = value if isinstance(value, str) else _encoded(value).decode()
    safe = text.isprintable() and " " not in text and text
    # All in ASCII: among what is not printable are line ends and control characters beyond it.
    return text if safe else json.dumps(text)


def _encoded(value: object) -> bytes:
    """*value* as JSON; a lone surrogate or an endless number must not cost the line it stands in."""
    try:
        return msgspec.json.encode(value, enc_hook=repr)
    except (ValueError, OverflowError, RecursionError):
        pass
    try:
        return msgspec.json.encode(ascii(value))
    except (ValueError, RecursionError):
        return msgspec.json.encode(f"a {type(value).__name__} that cannot be written")


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
