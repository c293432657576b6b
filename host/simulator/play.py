"""What a task is: cases, and a play of each that asks whom it is told to ask.

Theory of operation. A play is a generator. It goes on in virtual time until a decision is open to the plugin, yields an
`Ask`, and is sent a `Reply`; at the end it returns `Played`. Built-ins are part of the play and yield nothing. So a plugin
can know only what was in a question before: outcomes come to it in `learn`, after they have happened.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol

import msgspec

NAMED = 20  # cases whose names fit into a message


@dataclass(frozen=True)
class Ask:
    """One call of the protocol.

    Attributes:
        method: predict, score, learn or train.
        params: Its parameters, encoded.
        width: Candidates of a `score`; so many numbers must come back.
    """

    method: str
    params: bytes
    width: int = 0


@dataclass(frozen=True)
class Reply:
    """What came back, checked for its form.

    Attributes:
        scores: Of a `score`, finite, one a candidate; `None` when there is no usable answer.
        value: Of a `predict`: a finite number in the unit asked for.
    """

    scores: Sequence[float] | None = None
    value: float | None = None


class Played(msgspec.Struct):
    """What came of a case.

    Fields:
        metrics: By name; the task's own metric among them.
        curves: Points (x, y) to plot, by a title that names both axes: "y, by x".
        bars: A schedule, or a window of it: (row, from, to, label).
        bars_title: Says what its rows are, and by what time goes, as that of a curve does.
        decisions: How many there were, asked or not.
        fallbacks: Decisions that a plugin was to make and the built-in made.
    """

    metrics: dict[str, float]
    curves: dict[str, list[tuple[float, float]]] = {}
    bars: list[tuple[int, float, float, str]] = []
    bars_title: str = ""
    decisions: int = 0
    fallbacks: int = 0


Play = Generator[Ask, Reply, Played]


@dataclass(frozen=True)
class Metric:
    """What a task compares by.

    Attributes:
        over: Names of two other metrics: this one is by how many percent the first is above the second, a lower bound. Who
            proves more makes the bound better for all who played the case.
    """

    name: str
    unit: str
    higher_is_better: bool
    over: tuple[str, str] | None = None


@dataclass(frozen=True)
class Options:
    """What a task may be told.

    Attributes:
        lists: Names of lists, logs, groups or instances; empty for all.
        seeds: Of orders and windows.
        limit: Jobs, pods or items of each case at most.
        guard: Fall back to the built-in while the plugin's realised cost is above `tolerance` times the built-in's.
        time_limit_s: Of a solver, a case.
        backfill: For windows of a queue.
    """

    lists: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    limit: int | None = None
    guard: bool = True
    tolerance: float = 1.01
    time_limit_s: float = 60.0
    backfill: bool = True


class Case(msgspec.Struct, frozen=True):
    """One thing to play, the same for everyone who is compared.

    Fields:
        group: Results are averaged over the cases of a group.
        seed: Of its order or window; `None` where there is none.
    """

    key: str
    group: str
    seed: int | None = None


@dataclass(frozen=True)
class Advice:
    """Who decides: a built-in by its name, or a plugin by what it can be asked."""

    builtin: str | None = None
    methods: frozenset[str] = field(default_factory=frozenset)


class Task(Protocol):
    """A kind of back-test on loaded data."""

    @property
    def metric(self) -> Metric: ...

    @property
    def builtins(self) -> Sequence[str]:
        """Their names; the first is what others are compared with."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What a reader of the results must know of the data."""
        ...

    def cases(self) -> list[Case]:
        """In the order of the report."""
        ...

    def play(self, case: Case, advice: Advice) -> Play:
        """One case from its start."""
        ...


class Loader(Protocol):
    """Makes a task from a file or folder."""

    def __call__(self, data: Path, options: Options) -> Task:
        """Raises:
        ConfigError: The data cannot be used.
        """
        ...


def alone(play: Play) -> Played:
    """Plays where nobody is asked."""
    try:
        asked = next(play)
    except StopIteration as finished:
        played: Played = finished.value
        return played
    raise AssertionError(f"a built-in asked for {asked.method}")


def encode_score(task: Mapping[str, Any], candidates: Sequence[Any]) -> Ask:
    """A `score` question, as production asks it."""
    params = msgspec.json.encode({"type": "scheduling", "task": task, "candidates": candidates})
    return Ask("score", params, len(candidates))


def chosen(case_names: Sequence[str], wanted: Sequence[str], what: str) -> list[str]:
    """Those of *case_names* that are wanted; all when nothing is.

    Raises:
        ConfigError: One is not there.
    """
    from host.errors import ConfigError
    from plugin_sdk.contract.problems.request import unknown_member

    for name in wanted:
        if name not in case_names and len(case_names) > NAMED:
            near = get_close_matches(name, case_names, n=3) or case_names[:3]
            raise ConfigError(
                f"there is no {what} {name!r}; {len(case_names)} are there, such as {', '.join(near)}"
            )
        if name not in case_names:
            raise ConfigError(f"there is no {what} {name!r}; give {unknown_member(name, set(case_names))}")
    return [name for name in case_names if not wanted or name in wanted]
