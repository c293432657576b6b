"""`engine-ops simulate`: plan, run, report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from host.errors import ConfigError
from host.simulator.outcome import Outcome
from host.simulator.plan import SimulateOptions, deciders, left_over, load_task, work_for
from host.simulator.progress import Progress
from host.simulator.report.files import write_report
from host.simulator.report.png import require_matplotlib
from host.simulator.run import Kept, run_all
from host.simulator.summary import Summary, summarise


@dataclass(frozen=True)
class Finished:
    """What a run came to.

    Attributes:
        files: What was written.
    """

    summary: Summary
    files: list[Path]


def simulate(options: SimulateOptions) -> Finished:
    """Runs what is asked; stopped by Ctrl-C it reports what is known so far.

    Raises:
        EngineOpsError: Data, options or a plugin cannot be used.
    """
    if options.png:
        if options.out is None:
            raise ConfigError("--png writes files; give --out DIR too")
        require_matplotlib()
    if options.resume and options.out is None:
        raise ConfigError("--resume goes on from the files of a run; give its --out DIR")
    task = load_task(options.task, options.data, options.play)
    who = deciders(options, task)
    work = work_for(options, task, who)
    kept = Kept(options.out, options.resume)
    left = left_over(work, kept.outcomes)
    progress = Progress(len(left))

    def seen(outcome: Outcome) -> None:
        kept.add(outcome)
        progress.step(f"{outcome.decider} on {outcome.case.key}")

    try:
        complete = run_all(left, options.jobs, seen)
    finally:
        progress.close()
    wanted = {(each.decider.name, each.case.key, each.settings): at for at, each in enumerate(work)}
    outcomes = [each for each in kept.outcomes if (each.decider, each.case.key, each.settings) in wanted]
    outcomes.sort(key=lambda each: wanted[each.decider, each.case.key, each.settings])
    summary = summarise(
        options.task, options.data.name, task.metric, [each.name for each in who], outcomes, complete
    )
    files = write_report(summary, outcomes, options.out, options.png) if options.out is not None else []
    return Finished(summary, files)
