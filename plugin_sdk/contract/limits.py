"""What a plugin may use: as a manifest asks for it, and as an operator sets it, in the same words."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from plugin_sdk.contract.decode import ProblemError
from plugin_sdk.contract.problems.request import unknown_member

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|KiB|MiB|GiB)?\Z")
_SIZES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|min|h)?\Z")
_TIMES = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_FIELDS = {
    "memory": "memory_bytes",
    "cpu": "cpu_cores",
    "threads": "threads",
    "scratch": "scratch_bytes",
    "start_timeout": "start_timeout_s",
    "call_timeout": "call_timeout_s",
    "train_timeout": "train_timeout_s",
}
LIMIT_NAMES = tuple(_FIELDS)


class Limits(msgspec.Struct, frozen=True, rename="camel"):
    """What a plugin asks for; the host's policy is the ceiling.

    Memory and CPU count the plugin and all its children. Seconds, bytes, cores.
    """

    memory_bytes: int = 512 * 1024 * 1024
    cpu_cores: float = 1.0
    threads: int = 1
    scratch_bytes: int = 64 * 1024 * 1024
    start_timeout_s: float = 30.0
    call_timeout_s: float = 5.0
    train_timeout_s: float = 60.0


def read_limits(given: Mapping[str, Any], base: Limits, root: str = "limits") -> Limits:
    """*base*, with what is *given* laid over it key by key, in a manifest's words.

    Raises:
        ProblemError: The first key or value that cannot be used; its path is below *root*.
    """
    changed: dict[str, Any] = {}
    for name, value in given.items():
        if name not in _FIELDS:
            raise ProblemError(f"{root}.{name}", value, unknown_member(name, LIMIT_NAMES, "only the keys"))
        changed[_FIELDS[name]] = _READERS[name](value, f"{root}.{name}")
    return msgspec.structs.replace(base, **changed)


def manifest_name(name: str) -> str:
    """The manifest's word for a limit that may be named as status pages name it: `memoryBytes` is `memory`."""
    for field in msgspec.structs.fields(Limits):
        if name in (field.encode_name, field.name):
            return next(each for each, own in _FIELDS.items() if own == field.name)
    return name


def _size(value: Any, path: str) -> int:
    size = value
    if isinstance(value, str) and (found := _SIZE.match(value)):
        # A text of hundreds of digits is infinite as a float; the check below refuses the 0.
        count = float(found.group(1)) * _SIZES[found.group(2) or "B"]
        size = int(count) if math.isfinite(count) else 0
    if not isinstance(size, int) or isinstance(size, bool) or not 0 < size < 2**60:
        raise ProblemError(path, value, 'a size such as "512MiB", or bytes as an integer')
    return size


def _seconds(value: Any, path: str) -> float:
    seconds = value
    if isinstance(value, str) and (found := _TIME.match(value)):
        seconds = float(found.group(1)) * _TIMES[found.group(2) or "s"]
    good = isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 < seconds <= 86_400
    if not good:
        raise ProblemError(path, value, 'a time such as "1s" or "300ms", at most a day')
    return float(seconds)


def read_time(path: str, value: Any) -> float:
    """A time such as "1s" or "300ms", in seconds.

    Raises:
        ProblemError: It is none, or longer than a day.
    """
    return _seconds(value, path)


def _cores(value: Any, path: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= 4096:
        raise ProblemError(path, value, "a number of cores above 0, e.g. 1.0")
    return float(value)


def _count(value: Any, path: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 4096:
        raise ProblemError(path, value, "an integer of 1 or more")
    return value


_READERS = {
    "memory": _size,
    "cpu": _cores,
    "threads": _count,
    "scratch": _size,
    "start_timeout": _seconds,
    "call_timeout": _seconds,
    "train_timeout": _seconds,
}
