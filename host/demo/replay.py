"""Replays the jobs: at each instant asks the host what to start, does it, and records how it went.

The machine is simulated in virtual time; the requests, the answers, the plugins and the history are real.
Beside the queue's decisions it asks the three other types of question, on the same jobs.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from host.demo.caller import Caller, CallFailedError
from host.demo.cluster import Moment, Timeline, mean_bounded_slowdown
from host.demo.knob import DEFAULT, PARAMETERS, TUNED_JOBS, worth
from host.demo.options import DemoOptions
from host.demo.questions import (
    Request,
    lots,
    outcome,
    packing_request,
    predicted_ms,
    queue_request,
    run_time_request,
    tuning_request,
)
from host.demo.shadow import play_out, start_head
from host.demo.source import busiest
from host.demo.status import statuses
from host.demo.tally import Predictions, Tally
from host.solvers.queue import easy
from host.traces.job import Trace

RECORD_LOT = 20  # outcomes a `workload.record`
PACKINGS = 40  # asked over the whole replay
TUNINGS = 25


@dataclass
class Tuning:
    """What was tried of the queue policy's knobs.

    Fields:
        default: What the setting is worth that nobody tuned.
    """

    default: float
    observations: list[dict[str, Any]] = field(default_factory=list)

    @property
    def best(self) -> dict[str, Any] | None:
        return min(self.observations, key=lambda seen: float(seen["value"]), default=None)


class Replay:
    """One run through the trace.

    Args:
        call: As `Caller.timed`: a method and its parameters in, the result and its milliseconds out.

    Attributes:
        predicting_since: How many jobs had come when a plugin had first trained; `None` before.
        left_to_builtin: Jobs that waited when the time was up.
    """

    def __init__(
        self,
        trace: Trace,
        options: DemoOptions,
        call: Callable[[str, dict[str, Any]], Awaitable[tuple[Any, float]]],
    ) -> None:
        self.trace = trace
        self.options = options
        self.tally = Tally()
        self.predictions = Predictions()
        self.tuned_on = busiest(trace, TUNED_JOBS).jobs
        self.tuning = Tuning(worth(DEFAULT, self.tuned_on, trace.procs))
        self.timeline = Timeline(trace.jobs, trace.procs)
        self.predicting_since: int | None = None
        self.stopped_early = False
        self.forced_starts = 0
        self.left_to_builtin = 0
        self.elapsed_s = 0.0
        self._call = call
        self._ids = itertools.count(1)
        self._unrecorded: list[dict[str, Any]] = []

    @classmethod
    def over(cls, caller: Caller, trace: Trace, options: DemoOptions) -> Replay:
        return cls(trace, options, caller.timed)

    @property
    def mean_slowdown(self) -> float:
        """Realised, of the jobs that ended so far."""
        return mean_bounded_slowdown(self.timeline.done)

    async def run(self) -> None:
        """Plays until the jobs are done or the time is up; what is queued then is left to the built-in alone."""
        began = time.monotonic()
        total = len(self.trace.jobs)
        packed = tuned = 0
        async with asyncio.TaskGroup() as beside:
            tuning: asyncio.Task[None] | None = None
            while (moment := self.timeline.advance()) is not None:
                share = self.timeline.admitted / total
                if tuned < share * TUNINGS and (tuning is None or tuning.done()):
                    # One after the other, since each needs the last one's value; the jobs do not wait for it.
                    tuned += 1
                    tuning = beside.create_task(self._tune(), name="demo:tune")
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._predict(moment), name="demo:predict")
                    group.create_task(self._record(moment), name="demo:record")
                    group.create_task(self._decide(), name="demo:decide")
                    if self.timeline.running and packed < share * PACKINGS:
                        packed += 1
                        group.create_task(self._pack(), name="demo:pack")
                self.elapsed_s = time.monotonic() - began
                if self.elapsed_s > self.options.seconds:
                    self.stopped_early = True
                    self.timeline.close()
                    break
        if not self.stopped_early:
            for _ in range(tuned, TUNINGS):  # the jobs went by faster than the knobs were tried
                await self._tune()
        await self._flush()
        self.left_to_builtin = len(self.timeline.waiting)
        play_out(self.timeline, easy)

    async def _decide(self) -> None:
        if self.timeline.needs_decision:
            request = queue_request(self._id("queue"), self.timeline.problem())
            result = await self._ask(request)
            if result is not None:
                try:
                    self.timeline.start([str(each) for each in result.get("start", [])], request["id"])
                except ValueError as exc:  # an answer that was checked and yet is not feasible is no answer
                    self.tally.take_infeasible("scheduling", str(exc))
        if self.timeline.is_stuck:
            self.forced_starts += 1
            start_head(self.timeline)

    async def _predict(self, moment: Moment) -> None:
        if moment.arrived and self.predicting_since is None:
            # Predictions have no built-in: before some plugin has learnt from history there is nobody to ask.
            if not await self._somebody_is_trained():
                return
            self.predicting_since = self.timeline.admitted
        for job in moment.arrived:
            result = await self._ask(run_time_request(self._id("predict"), job))
            found = predicted_ms(result)
            if found is not None:
                self.predictions.by_job[job.id] = found

    async def _somebody_is_trained(self) -> bool:
        if not self.tally.recorded:
            return False
        try:
            reply, _ = await self._call("plugins.list", {})
        except CallFailedError:
            return False
        return any(each.predicts and each.trained_points for each in statuses(reply))

    async def _record(self, moment: Moment) -> None:
        for done in moment.ended:
            self._unrecorded.append(outcome(done))
            self.predictions.settle(done.job.id, done.job.held_s * 1000.0, done.job.requested_s * 1000.0)
        if len(self._unrecorded) >= RECORD_LOT:
            await self._flush()

    async def _flush(self) -> None:
        points, self._unrecorded = self._unrecorded, []
        for lot in lots(points, RECORD_LOT):
            try:
                reply, _ = await self._call("workload.record", {"points": lot})
            except CallFailedError as exc:
                self.tally.note_failure("workload.record", str(exc))
            else:
                self.tally.recorded += int(reply.get("recorded", 0))

    async def _pack(self) -> None:
        running = list(self.timeline.running.values())
        await self._ask(packing_request(self._id("pack"), running, self.options.seed))

    async def _tune(self) -> None:
        result = await self._ask(tuning_request(self._id("tune"), PARAMETERS, self.tuning.observations))
        for suggestion in (result or {}).get("suggestions", [])[:1]:
            params = suggestion["params"]
            # Simulates hundreds of jobs: some 10 ms of work, kept off the loop that times the answers.
            value = await asyncio.to_thread(worth, params, self.tuned_on, self.trace.procs)
            self.tuning.observations.append({"params": params, "value": value})

    async def _ask(self, request: Request) -> dict[str, Any] | None:
        """The result of one `engine.optimize`, counted; `None` when there is none."""
        try:
            answer, took_ms = await self._call("engine.optimize", request)
        except CallFailedError as exc:
            self.tally.take_failure(request["type"], str(exc))
            return None
        if not self.tally.take(request["type"], answer, took_ms):
            return None
        result: dict[str, Any] = answer["result"]
        return result

    def _id(self, what: str) -> str:
        return f"demo-{what}-{next(self._ids)}"
