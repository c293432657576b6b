"""Job-shop instances in the standard text form: jobs and machines, then a line a job of (machine, duration) pairs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from host.errors import ConfigError
from host.traces.archive import texts

ARCHIVE = "jobshop_instances_text.tar.xz"


@dataclass(frozen=True)
class JobShop:
    """An instance: (machine from 0, duration) of each operation of each job."""

    name: str
    machines: int
    jobs: list[list[tuple[int, int]]]


def load_jobshops(path: Path) -> list[JobShop]:
    """Every instance in a file, a folder, an archive, or a folder that holds an archive of them, by name.

    Raises:
        ConfigError: A file is no such instance; names file and line.
    """
    if path.is_dir() and (path / ARCHIVE).is_file() and not any(path.rglob("*.txt")):
        path = path / ARCHIVE
    ending = path.suffix if path.is_file() and path.suffix not in (".xz", ".gz", ".tar", ".tgz") else ".txt"
    return [parse_jobshop(text, name, path) for name, text in sorted(texts(path, ending).items())]


def parse_jobshop(text: str, name: str, path: Path) -> JobShop:
    """One instance.

    Raises:
        ConfigError: It is none.
    """
    lines = [
        (number, line.split())
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not lines:
        raise ConfigError(f"{path}: {name} is empty; give a job shop in the standard text form")
    first, size = lines[0]
    where = f"{path}: {name}:{first}"
    if len(size) < 2 or not (size[0].isdigit() and size[1].isdigit()):
        raise ConfigError(f"{where}: is {' '.join(size)[:40]!r}; give the numbers of jobs and of machines")
    count, machines = int(size[0]), int(size[1])
    if len(lines) - 1 != count:
        raise ConfigError(f"{where}: says {count} jobs, and {len(lines) - 1} lines follow; give a line a job")
    jobs = []
    for number, words in lines[1:]:
        if not all(word.isdigit() for word in words) or len(words) % 2 or not words:
            raise ConfigError(f"{path}: {name}:{number}: give pairs of machine and duration, all integers")
        values = [int(word) for word in words]
        job = list(zip(values[::2], values[1::2], strict=True))
        if any(machine >= machines for machine, _ in job):
            raise ConfigError(f"{path}: {name}:{number}: a machine is above {machines - 1}, the last")
        jobs.append(job)
    return JobShop(name, machines, jobs)
