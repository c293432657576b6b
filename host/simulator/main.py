"""`engine-ops simulate`: plan, run, report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from host.errors import ConfigError, EngineOpsError
from host.simulator.outcome import Outcome
from host.simulator.plan import SimulateOptions, deciders, left_over, load_task, work_for
from host.simulator.progress import Progress
from host.simulator.report.files import write_report
from host.simulator.report.png import require_matplotlib
from host.simulator.run import Kept, run_all
from host.simulator.summary import Summary, on_one_bound, summarise


@dataclass(frozen=True)
class Finished:
    """What a run came to.

    Attributes:
        files: What was written.
        fault: What ended it before all was done; `None` where nothing or Ctrl-C did.
    """

    summary: Summary
    files: list[Path]
    fault: EngineOpsError | None = None


def simulate(options: SimulateOptions) -> Finished:
    """Runs what is asked; stopped by Ctrl-C, or by a fault when something is known, it reports what is known so far.

    Raises:
        EngineOpsError: Data, options or a plugin cannot be used.
    """
    if options.png:
        if options.out is None:
            raise ConfigError("--png writes files; give --out DIR too")
        require_matplotlib()
    if options.resume and options.out is None:
        raise ConfigError("--resume goes on from the files of a run; give its --out DIR")
    progress = Progress()
    fault: EngineOpsError | None = None
    try:
        progress.loading(str(options.data))
        task = load_task(options.task, options.data, options.play)
        who = deciders(options, task)
        work = work_for(options, task, who)
        kept = Kept(options.out, options.resume)
        left = left_over(work, kept.outcomes)
        progress.begin(len(left))

        def seen(outcome: Outcome) -> None:
            kept.add(outcome)
            progress.step(f"{outcome.decider} on {outcome.case.key}")

        try:
            complete = run_all(left, options.jobs, seen)
        except EngineOpsError as error:
            if not kept.outcomes:
                raise
            complete, fault = False, error
    finally:
        progress.close()
    wanted = {(each.decider.name, each.case.key, each.settings): at for at, each in enumerate(work)}
    outcomes = [each for each in kept.outcomes if (each.decider, each.case.key, each.settings) in wanted]
    outcomes.sort(key=lambda each: wanted[each.decider, each.case.key, each.settings])
    summary = summarise(
        options.task,
        options.data.resolve().name,
        task.metric,
        [each.name for each in who],
        outcomes,
        complete,
        task.notes,
    )
    files: list[Path] = []
    if options.out is not None:
        files = write_report(summary, on_one_bound(outcomes, task.metric), options.out, options.png)
    return Finished(summary, files, fault)
