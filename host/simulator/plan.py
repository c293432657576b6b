"""What is to be run: every decider on every case, each of them a piece of work that can be done in any process."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from host.errors import ConfigError
from host.simulator.house import plugin_name
from host.simulator.outcome import Outcome
from host.simulator.play import Case, Options, Task
from host.simulator.tasks.table import TASKS
from plugin_sdk.contract.problems.request import unknown_member


@dataclass(frozen=True)
class Decider:
    """Who is tried: a built-in, or the plugin in a folder."""

    name: str
    folder: Path | None = None


@dataclass(frozen=True)
class Work:
    """One case under one decider."""

    task: str
    data: Path
    options: Options
    decider: Decider
    case: Case
    settings: str
    allow_weak_sandbox: bool = False


@dataclass(frozen=True)
class SimulateOptions:
    """What the command line says.

    Attributes:
        policies: Names of built-ins; empty for all.
        plugins: Plugin folders.
        out: Where the report goes; `None` for none.
        jobs: Processes at once.
        resume: Take over the outcomes that are in `out` already.
        png: Plots as PNG too.
    """

    task: str
    data: Path
    policies: tuple[str, ...] = ()
    plugins: tuple[Path, ...] = ()
    out: Path | None = None
    jobs: int = 1
    resume: bool = False
    png: bool = False
    allow_weak_sandbox: bool = False
    play: Options = field(default_factory=Options)


def load_task(name: str, data: Path, options: Options) -> Task:
    """The task on its data.

    Raises:
        ConfigError: There is no such task, or the data cannot be used.
    """
    if name not in TASKS:
        raise ConfigError(f"there is no task {name!r}; give {unknown_member(name, set(TASKS))}")
    return TASKS[name](data, options)


def deciders(options: SimulateOptions, task: Task) -> list[Decider]:
    """Those that are wanted; the first is what the others are compared with.

    Raises:
        ConfigError: There is no such built-in, a folder is no plugin, or two have one name.
    """
    known = list(task.builtins)
    for name in options.policies:
        if name not in known:
            raise ConfigError(f"there is no policy {name!r}; give {unknown_member(name, set(known))}")
    wanted = options.policies or (known[:1] if options.plugins else tuple(known))
    found = [Decider(name) for name in dict.fromkeys(wanted)]
    for folder in options.plugins:
        name = plugin_name(folder)
        if any(each.name == name for each in found):
            raise ConfigError(f"{folder}: {name!r} is there already; give its manifest another name")
        found.append(Decider(name, folder))
    return found


def work_for(options: SimulateOptions, task: Task, who: list[Decider]) -> list[Work]:
    """Case by case, so that what is known early can be compared."""
    cases = task.cases()
    if not cases:
        raise ConfigError(f"{options.data}: there is nothing in it to simulate")
    data = _digest(options.data)
    return [
        Work(
            options.task, options.data, options.play, each, case,
            _settings(options, each, data), options.allow_weak_sandbox,
        )
        for case in cases
        for each in who
    ]  # fmt: skip


def left_over(work: list[Work], known: list[Outcome]) -> list[Work]:
    """What is not known yet."""
    done = {(each.decider, each.case.key, each.settings) for each in known}
    return [each for each in work if (each.decider.name, each.case.key, each.settings) not in done]


def _settings(options: SimulateOptions, decider: Decider, data: str) -> str:
    """Tells outcomes that may not be mixed: of other data, options or another version of a plugin."""
    play = options.play
    said = [
        options.task,
        data,
        str((play.limit, play.guard, play.tolerance, play.time_limit_s, play.backfill)),
    ]
    if decider.folder is not None:
        said.append(_digest(decider.folder))
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]


def _digest(path: Path) -> str:
    """Of names, sizes and, for small files, contents: a changed plugin or another file of data is another one."""
    digest = hashlib.sha256()
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    for each in files:
        if "__pycache__" in each.parts:
            continue
        size = each.stat().st_size
        digest.update(f"{each.relative_to(path) if path.is_dir() else each.name}\0{size}\0".encode())
        digest.update(each.read_bytes() if size < 4_000_000 else b"")
    return digest.hexdigest()
