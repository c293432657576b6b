"""Each published table, played again by what `engine-ops simulate` runs."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from host.simulator.main import simulate
from host.simulator.plan import SimulateOptions
from host.simulator.play import Options
from host.simulator.summary import ALL, Row
from host.simulator.tasks.batch import columns
from host.solvers.batch.replay import bounded_slowdowns, start_times
from host.solvers.batch.rules import RULES
from host.traces.load import load_trace
from tests.reproduce import published
from tests.reproduce.published import REFDATA, ROOT

# What a table comes from: outcomes that are kept are those of these sources, and of no others.
SOURCES = {
    "gpu-placement": ("solvers/placement", "simulator/tasks/gpu_placement.py", "traces/openb.py"),
    "queue": ("solvers/batch", "simulator/tasks/queue.py", "traces"),
    "binpack": ("solvers/item_stream.py", "simulator/tasks/binpack.py"),
    "jobshop": ("solvers/jobshop", "simulator/tasks/jobshop.py"),
    "batch": ("solvers/batch", "simulator/tasks", "traces"),
}


class StoppedEarlyError(Exception):
    """Ctrl-C; what was played is kept."""


@dataclass(frozen=True)
class Keep:
    """Where outcomes are kept, so that a run that was stopped goes on; and how many processes play.

    Attributes:
        folder: `None` keeps nothing.
    """

    folder: Path | None = None
    jobs: int = 1

    def out(self, task: str, name: str) -> Path | None:
        """The folder of one run of *task*, another one when its sources have changed."""
        if self.folder is None:
            return None
        digest = hashlib.sha256()
        for source in SOURCES[task]:
            path = ROOT / "host" / source
            for each in [path] if path.is_file() else sorted(path.rglob("*.py")):
                digest.update(each.read_bytes())
        return self.folder / f"{name}-{digest.hexdigest()[:12]}"


NOTHING = Keep()


@dataclass(frozen=True)
class Cell:
    """A published number and ours."""

    row: str
    column: str
    published: float
    ours: float
    note: str = ""

    @property
    def difference(self) -> float:
        """Ours minus theirs."""
        return self.ours - self.published


def say(text: str) -> None:
    """How far it is."""
    print(text, file=sys.stderr, flush=True)


def simulated(
    task: str,
    data: Path,
    name: str,
    keep: Keep,
    *,
    policies: Sequence[str] = (),
    plugins: Sequence[Path] = (),
    options: Options | None = None,
) -> list[Row]:
    """The rows of a run, without those of all groups together.

    Raises:
        StoppedEarlyError: It was stopped by Ctrl-C.
    """
    out = keep.out(task, name)
    done = simulate(
        SimulateOptions(
            task, data, policies=tuple(policies), plugins=tuple(plugins), out=out, jobs=keep.jobs,
            resume=out is not None, play=options or Options(),
        )
    )  # fmt: skip
    if not done.summary.complete:
        raise StoppedEarlyError(name)
    return [row for row in done.summary.rows if row.group != ALL]


def placement(
    lists: Sequence[str] = (),
    policies: Sequence[str] = tuple(published.PLACEMENT),
    seeds: Sequence[int] = tuple(range(42, 52)),
    keep: Keep = NOTHING,
) -> list[Cell]:
    """Allocated GPU at 100 % and at 130 % of arrivals, means over the seeds."""
    rows = simulated(
        "gpu-placement", REFDATA / "gpu_placement", "placement", keep,
        policies=policies, options=Options(lists=tuple(lists), seeds=tuple(seeds)),
    )  # fmt: skip
    known = published.placement()
    cells = []
    for policy in policies:
        for row in rows:
            if row.decider != policy:
                continue
            for place, at in enumerate((100, 130)):
                theirs = [known[row.group, policy, seed][place] for seed in seeds]
                ours = row.metrics[f"allocated at {at} %"]
                cells.append(Cell(row.group, f"{policy} at {at} %", sum(theirs) / len(theirs), ours))
    return cells


def batch(logs: Sequence[str] = published.LOGS) -> list[Cell]:
    """AVEbsld of whole logs; the note counts the jobs that start at another second than published."""
    cells = []
    for name in logs:
        log = load_trace(REFDATA / "hpc_batch" / f"{name}.csv.xz")
        jobs = columns(log)
        for rules, column in published.SCHEDULERS.items():
            began = time.perf_counter()
            ours = start_times(jobs, log.procs, RULES[rules])
            took = time.perf_counter() - began
            theirs = published.starts(name, column)
            wrong = int((ours != theirs).sum())
            say(f"batch {name} {rules}: {wrong} of {len(jobs)} differ, {took:.2f} s")
            cells.append(
                Cell(
                    name, rules,
                    float(bounded_slowdowns(jobs, theirs).mean()), float(bounded_slowdowns(jobs, ours).mean()),
                    f"{wrong} of {len(jobs)} start times differ",
                )
            )  # fmt: skip
    return cells


def queue(pairs: Iterable[tuple[str, bool]] = tuple(published.QUEUE), keep: Keep = NOTHING) -> list[Cell]:
    """Average bounded slowdown over ten windows."""
    cells = []
    for name, backfill in pairs:
        rows = simulated(
            "queue", REFDATA / "rlscheduler" / published.QUEUE_FILES[name],
            f"queue-{name}-{'with' if backfill else 'without'}", keep,
            policies=published.QUEUE_COLUMNS, options=Options(backfill=backfill),
        )  # fmt: skip
        means = {row.decider: row.mean for row in rows}
        place = f"{name}, {'with' if backfill else 'without'} backfilling"
        for policy, theirs in zip(published.QUEUE_COLUMNS, published.QUEUE[name, backfill], strict=True):
            cells.append(Cell(place, policy, theirs, means[policy]))
    return cells


def binpack(keep: Keep = NOTHING) -> list[Cell]:
    """Excess in percent of the means, as it was published."""
    rows = simulated("binpack", REFDATA / "binpack_online" / "or3_weibull5k.json.gz", "binpack", keep)
    found = {(row.group, row.decider): excess(row) for row in rows}
    return [Cell(*key, value, found[key]) for key, value in published.BINPACK.items()]


def excess(row: Row) -> float:
    """Mean bins over the mean bound, in percent: a ratio of means, as it was published."""
    return 100 * (row.metrics["bins"] / row.metrics["bound"] - 1)


def shop_names() -> tuple[list[str], list[str]]:
    """Instances that must be solved, and those that are compared with the published ten minutes."""
    solved = ["ft06", "ft10", "ft20", "abz5", "abz6"]
    solved += [f"la{number:02}" for number in range(1, 21)] + [f"orb{number:02}" for number in range(1, 11)]
    return solved, [f"ta{number:02}js" for number in range(1, 31)]


def jobshop(names: Sequence[str], time_limit_s: float = 60.0, keep: Keep = NOTHING) -> list[Cell]:
    """Makespans by CP-SAT; published is the best known one, and the note has what CP-SAT found in ten minutes."""
    known = published.shops()
    cells = []
    for name in names:
        # One at a time and one process: a search under a limit of time is worth what the machine gives it.
        [row] = simulated(
            "jobshop", REFDATA / "jobshop" / "jobshop_instances_text.tar.xz", f"jobshop-{name}",
            Keep(keep.folder), policies=["cp-sat"], options=Options(lists=(name,), time_limit_s=time_limit_s),
        )  # fmt: skip
        makespan, bound = row.metrics["makespan"], row.metrics["bound"]
        known_bound, best, ten_minutes = known[name]
        state = "optimal" if makespan == bound else f"bound {bound:.0f}"
        say(f"jobshop {name}: {makespan:.0f} ({state}) in {row.seconds:.1f} s")
        cells.append(
            Cell(
                name, "cp-sat", best, makespan,
                f"{state} after {row.seconds:.1f} s; best known bound {known_bound}; CP-SAT in 10 min {ten_minutes}",
            )
        )  # fmt: skip
    return cells
