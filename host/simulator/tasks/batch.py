"""A whole log under a backfilling scheduler: the mean bounded slowdown of all jobs (AVEbsld).

A plugin is asked for a job's run time when it is submitted (`predict`), for the order of the queue whenever one of several
jobs may start (`score`), or both. What it predicts is planned with and corrected as EASY++ does; without `predict`,
requested times are. Outcomes come to it (`learn`) at the next question after the job has ended, and it is trained when
they have grown by half, as the host does with its history.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from host.errors import ConfigError
from host.simulator.guard import Guard
from host.simulator.play import Advice, Ask, Case, Metric, Options, Play, Reply, chosen
from host.simulator.tasks.asking import (
    MS,
    JobText,
    learned,
    outcome,
    queue_question,
    run_time_question,
    training,
)
from host.simulator.tasks.batch_account import Accounts
from host.simulator.tasks.run_times import RunTimes
from host.simulator.tasks.schedule_report import report
from host.solvers.batch.replay import JobColumns, Order, Predict, Replay, start_times
from host.solvers.batch.rules import EASY, RULES, Predictor, Rules
from host.solvers.batch.shadow import Shadow
from host.traces.job import Trace
from plugin_sdk.contract.workload import WorkloadDataPoint

TRAIN_FROM, TRAIN_GROWTH, TRAIN_AT_MOST = 50, 0.5, 5_000  # as the host's teacher has them
LEARN_AT_MOST = 500  # points a call
# Slowdown, in sum, by which jobs may be worse off before the guard minds: a plugin that learns knows nothing at first, and
# what it learns by is worth a little. On a log of 30,000 jobs it is 0.15 of the mean.
SLACK_AT_START, SLACK_PER_JOB = 1_500.0, 0.1


class BatchTask:
    """See the module."""

    metric = Metric("bounded slowdown", "", higher_is_better=False)
    builtins: Sequence[str] = tuple(RULES)

    def __init__(self, logs: Sequence[Trace], options: Options) -> None:
        names = chosen([log.name for log in logs], options.lists, "log")
        self._logs = {log.name: log for log in logs if log.name in names}
        self._options = options
        self.notes = [f"{log.name}: {log.description}" for log in self._logs.values()]
        warm_up()

    def cases(self) -> list[Case]:
        """See `Task.cases`."""
        return [Case(name, name) for name in self._logs]

    def play(self, case: Case, advice: Advice) -> Play:
        """See `Task.play`."""
        log = self._logs[case.key]
        jobs = columns(log)
        if advice.builtin is not None:
            return report(jobs, start_times(jobs, log.procs, RULES[advice.builtin]), log.procs)
        return (yield from _Advised(log, jobs, advice, self._options).play())


def warm_up() -> None:
    """Compiles the replay, or loads what was compiled before, so that no case is charged for it."""
    start_times(JobColumns.of([0.0], [1.0], [1], [1.0], [""]), 1, EASY)


def columns(log: Trace) -> JobColumns:
    """A log's jobs as columns; a job is killed when its requested time is over."""
    jobs = log.jobs
    if not jobs:
        raise ConfigError(f"{log.source}: there is no job in it; give a log with jobs")
    return JobColumns.of(
        [job.submit_s for job in jobs],
        [job.held_s for job in jobs],
        [job.procs for job in jobs],
        [job.requested_s for job in jobs],
        [job.user for job in jobs],
    )


class _Advised:
    """One log with a plugin in the loop."""

    def __init__(self, log: Trace, jobs: JobColumns, advice: Advice, options: Options) -> None:
        self._log, self._jobs, self._methods = log, jobs, advice.methods
        predicts, scores = "predict" in advice.methods, "score" in advice.methods
        if not predicts and not scores:
            raise ConfigError("the plugin has neither predict nor score; batch asks for one of them")
        # Every submission stops the replay: that is where outcomes are told and the guard looks.
        self._advised = Rules("advised", Predictor.ASKED, not scores, True, order_asked=scores)
        self._alone = Rules("alone", Predictor.ASKED)
        self._replay = Replay(jobs, log.procs, self._advised)
        self._text = JobText(log.jobs)
        self._points: list[WorkloadDataPoint] = []
        self._trained = 0
        self._told = 0
        self._guard = Guard(options.tolerance) if options.guard else None
        self._shadow = Shadow(self._replay, log.procs, EASY) if options.guard else None
        self._run_times = RunTimes(jobs)
        self._accounts = Accounts(jobs, log.procs, self._run_times)
        self._fallbacks = 0
        self._decisions = 0
        self._submitted = 0

    def play(self) -> Play:
        """To the end."""
        replay = self._replay
        while (asked := replay.next_question()) is not None:
            yield from self._tell()
            self._decisions += 1
            if isinstance(asked, Predict):
                follows = self._look(asked.now)
                run_s = float(self._jobs.requested[asked.job])
                if follows and "predict" in self._methods:
                    reply = yield run_time_question(self._log.jobs[asked.job])
                    if reply.value is None:
                        self._fallbacks += 1
                    else:
                        run_s = reply.value / MS
                replay.predict(asked.job, run_s)
            else:
                yield from self._order(asked)
        return report(
            self._jobs, replay.start, self._log.procs, self._fallbacks, self._decisions, self._guard
        )

    def _order(self, asked: Order) -> Generator[Ask, Reply, None]:
        free = self._log.procs - sum(int(self._jobs.procs[job]) for job in self._replay.running)
        reply = yield queue_question(self._text, asked.waiting, asked.now, self._log.procs, max(free, 0))
        if reply.scores is None:
            self._fallbacks += 1
            # Nobody said anything: in order of arrival.
            self._replay.reorder(dict.fromkeys(asked.waiting, 0.0))
        else:
            self._replay.reorder(dict(zip(asked.waiting, reply.scores, strict=True)))

    def _look(self, now: float) -> bool:
        """Whether the plugin is followed from here on."""
        if self._guard is None or self._shadow is None:
            return True
        while self._submitted < len(self._jobs) and self._jobs.submit[self._submitted] <= now:
            self._shadow.expect(self._submitted, self._run_times.guess(self._submitted))
            self._submitted += 1
        self._shadow.advance_to(now)
        costs = self._accounts.costs(self._replay.state, self._shadow, now)
        was = self._replay.rules is self._advised
        slack = SLACK_AT_START + SLACK_PER_JOB * self._submitted
        follows = self._guard.follows(costs.run, costs.shadow, slack, costs.coming)
        if follows != was:
            self._replay.follow(self._advised if follows else self._alone)
            if not follows:
                self._replay.plan_by_requests()
        return follows

    def _tell(self) -> Generator[Ask, Reply, None]:
        ended = self._replay.newly_ended()
        if not ended:
            return
        state = self._replay.state
        for job in ended:
            self._text.forget(job)
            if self._shadow is not None:
                self._run_times.add(job)
                self._shadow.ended(job, float(self._jobs.run[job]))
        told = [(self._log.jobs[job], float(state.start[job])) for job in ended]
        if "learn" in self._methods:
            for at in range(0, len(told), LEARN_AT_MOST):
                yield learned(told[at : at + LEARN_AT_MOST])
        if "train" in self._methods:
            self._points.extend(outcome(job, start) for job, start in told)
            self._told += len(told)
            if self._told >= max(TRAIN_FROM, self._trained * (1 + TRAIN_GROWTH)):
                self._trained = self._told
                self._points = self._points[-TRAIN_AT_MOST:]
                yield training(sorted(self._points, key=lambda point: point.timestamp))
