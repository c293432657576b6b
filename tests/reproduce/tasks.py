"""Each published table, played again."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from host.simulator.play import Advice, Case, Options, Task, alone
from host.simulator.tasks.batch import columns
from host.simulator.tasks.table import TASKS
from host.solvers.batch.replay import bounded_slowdowns, start_times
from host.solvers.batch.rules import RULES
from host.traces.load import load_trace
from tests.reproduce import published
from tests.reproduce.published import REFDATA


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


def mean_of(task: Task, cases: Iterable[Case], policy: str, metric: str | None = None) -> float:
    """Of a metric over cases."""
    values = [alone(task.play(case, Advice(policy))).metrics[metric or task.metric.name] for case in cases]
    return sum(values) / len(values)


def queue(pairs: Iterable[tuple[str, bool]] = tuple(published.QUEUE)) -> list[Cell]:
    """Average bounded slowdown over ten windows."""
    cells = []
    for name, backfill in pairs:
        data = REFDATA / "rlscheduler" / published.QUEUE_FILES[name]
        task = TASKS["queue"](data, Options(backfill=backfill))
        theirs = published.QUEUE[name, backfill]
        for policy, value in zip(published.QUEUE_COLUMNS, theirs, strict=True):
            row = f"{name}, {'with' if backfill else 'without'} backfilling"
            cells.append(Cell(row, policy, value, mean_of(task, task.cases(), policy)))
        say(f"queue {name} {backfill}: done")
    return cells


def binpack() -> list[Cell]:
    """Excess in percent of the means, as it was published."""
    task = TASKS["binpack"](REFDATA / "binpack_online" / "or3_weibull5k.json.gz", Options())
    cells = []
    for (group, policy), value in published.BINPACK.items():
        cases = [case for case in task.cases() if case.group == group]
        bins, bound = (mean_of(task, cases, policy, metric) for metric in ("bins", "bound"))
        cells.append(Cell(group, policy, value, 100 * (bins / bound - 1)))
    return cells


def placement(
    lists: Sequence[str] = (), policies: Sequence[str] = tuple(published.PLACEMENT), seeds: Sequence[int] = ()
) -> list[Cell]:
    """Allocated GPU at 100 % and at 130 % of arrivals, means over the seeds."""
    task = TASKS["gpu-placement"](REFDATA / "gpu_placement", Options(lists=tuple(lists), seeds=tuple(seeds)))
    known = published.placement()
    groups: dict[str, list[Case]] = {}
    for case in task.cases():
        groups.setdefault(case.group, []).append(case)
    cells = []
    for policy in policies:
        for group, cases in groups.items():
            played = [alone(task.play(case, Advice(policy))).metrics for case in cases]
            for place, at in enumerate((100, 130)):
                theirs = [known[group, policy, case.seed or 0][place] for case in cases]
                ours = [metrics[f"allocated at {at} %"] for metrics in played]
                cells.append(
                    Cell(group, f"{policy} at {at} %", sum(theirs) / len(theirs), sum(ours) / len(ours))
                )
            say(f"placement {policy} {group}: done")
    return cells


def shop_names() -> tuple[list[str], list[str]]:
    """Those that must be solved to the optimum, and those whose gap is compared."""
    solved = ["ft06", "ft10", "ft20", "abz5", "abz6"]
    solved += [f"la{number:02}" for number in range(1, 21)] + [f"orb{number:02}" for number in range(1, 11)]
    return solved, [f"ta{number:02}js" for number in range(1, 31)]


def jobshop(names: Sequence[str], time_limit_s: float = 60.0) -> list[Cell]:
    """Makespans by CP-SAT; published is the best known one, and the note has what CP-SAT found in ten minutes."""
    from host.solvers.jobshop.cp_sat import solve
    from host.solvers.jobshop.shop import Operation, Shop, fault
    from host.traces.jobshop import load_jobshops

    known = published.shops()
    cells = []
    for each in load_jobshops(REFDATA / "jobshop" / "jobshop_instances_text.tar.xz"):
        if each.name not in names:
            continue
        jobs = tuple(tuple(Operation(*pair) for pair in job) for job in each.jobs)
        shop = Shop(each.name, jobs, each.machines)
        began = time.perf_counter()
        found = solve(shop, time_limit_s)
        took = time.perf_counter() - began
        assert fault(shop, found.schedule) is None
        bound, best, published_cp_sat = known[each.name.removesuffix("js")]
        state = "optimal" if found.optimal else f"bound {found.bound}"
        say(f"jobshop {each.name}: {found.makespan} ({state}) in {took:.1f} s")
        cells.append(
            Cell(
                each.name, "cp-sat", best, found.makespan,
                f"{state} after {took:.1f} s; best known bound {bound}; CP-SAT in 10 min {published_cp_sat}",
            )
        )  # fmt: skip
    return cells
