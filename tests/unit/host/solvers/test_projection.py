"""The projection is EASY backfilling, as a slow reading of its definition has it; and it keeps promises."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from host.solvers.projection import Machine, Promises, project
from plugin_sdk.contract.problems.queue import parse_queue

PROCS = 6


@st.composite
def queues(draw, promises: bool = False):
    free = PROCS
    running = []
    for n in range(draw(st.integers(0, 3))):
        procs = draw(st.integers(1, 3))
        if procs <= free:
            free -= procs
            start = draw(st.integers(60, 100))
            running.append(
                {"id": f"r{n}", "procs": procs, "start": start, "requestedTime": draw(st.integers(0, 80))}
            )
    jobs = [
        {
            "id": f"j{n}",
            "submit": draw(st.integers(0, 100)),
            "procs": draw(st.integers(1, PROCS)),
            "requestedTime": draw(st.integers(0, 60)),
        }
        for n in range(draw(st.integers(1, 7)))
    ]
    data = {"jobs": jobs, "running": running, "cluster": {"procs": PROCS}, "now": 100}
    if promises:
        holders = draw(st.lists(st.sampled_from([job["id"] for job in jobs]), unique=True, max_size=3))
        data["reservations"] = [{"job": name, "start": draw(st.integers(80, 260))} for name in holders]
    return parse_queue(data)


def slow_easy(problem, order):
    """EASY from its definition, by counting processors at every instant that matters. No machine, no shortcuts."""
    jobs = {job.id: job for job in problem.jobs}
    spans = [(-1.0, job.ends_by(problem.now), job.procs) for job in problem.running]  # from, to, processors
    starts = {}

    def used(at, spans):
        return sum(procs for begin, end, procs in spans if begin <= at < end)

    def earliest(procs, at, spans):
        times = [at, *sorted(end for _, end, _ in spans if end > at)]
        return next(time for time in times if used(time, spans) + procs <= PROCS)

    at = problem.now
    # Jobs overdue now hold their processors for the first decision, and give them back at the same instant.
    overdue = sum(job.procs for job in problem.running if job.ends_by(problem.now) <= problem.now)
    while len(starts) < len(jobs):
        while True:  # one decision: one job after the other, until none can go
            waiting = [jobs[name] for name in order if name not in starts]
            began = None
            for position, job in enumerate(waiting):
                if used(at, spans) + overdue + job.procs > PROCS:
                    continue
                if position:
                    head = waiting[0]
                    before = at if used(at, spans) + head.procs <= PROCS else earliest(head.procs, at, spans)
                    trial = [*spans, (at, at + job.requested_time, job.procs)]
                    # A job of no length still counts at the instant it starts.
                    if job.requested_time == 0 and before == at:
                        trial = [*spans, (at, at, job.procs)]
                    if earliest(head.procs, at, trial) > before:
                        continue
                began = job
                break
            if began is None:
                break
            starts[began.id] = at
            spans.append((at, at + began.requested_time, began.procs))
            if began.requested_time == 0:
                overdue += began.procs
        if len(starts) == len(jobs):
            break
        if overdue:
            overdue = 0  # the instant's second decision
            continue
        at = min(end for _, end, _ in spans if end > at)
    return starts


@settings(deadline=None, max_examples=300)
@given(problem=queues(), chance=st.randoms(use_true_random=False))
def test_the_projection_is_what_the_definition_of_easy_says(problem, chance):
    order = [job.id for job in problem.jobs]
    chance.shuffle(order)
    assert project(problem, order) == slow_easy(problem, order)


@settings(deadline=None, max_examples=300)
@given(problem=queues(), chance=st.randoms(use_true_random=False))
def test_the_head_of_the_queue_starts_no_later_than_when_it_was_promised(problem, chance):
    """EASY's guarantee: the first job that cannot start now starts at its shadow time. Source: Lifka (1995)."""
    order = [job.id for job in problem.jobs]
    chance.shuffle(order)
    jobs = {job.id: job for job in problem.jobs}
    machine = Machine.at_now(problem)
    for name in order:
        if jobs[name].procs > machine.free:
            promised, _ = machine.shadow(jobs[name].procs, problem.now)
            assert project(problem, order)[name] <= promised
            return
        machine.run(jobs[name], problem.now)


@settings(deadline=None, max_examples=300)
@given(problem=queues(), chance=st.randoms(use_true_random=False))
def test_processors_are_never_oversubscribed(problem, chance):
    order = [job.id for job in problem.jobs]
    chance.shuffle(order)
    starts = project(problem, order)
    spans = [(job.start, job.ends_by(problem.now), job.procs) for job in problem.running]
    spans += [(starts[job.id], starts[job.id] + job.requested_time, job.procs) for job in problem.jobs]
    for at in starts.values():
        assert sum(procs for begin, end, procs in spans if begin <= at < end) <= PROCS


@settings(deadline=None, max_examples=300)
@given(problem=queues(promises=True))
def test_an_order_that_begins_with_the_holders_of_promises_keeps_them_all(problem):
    promises = Promises(problem)
    holders = [job.id for job in promises.holders]
    starts = project(problem, [*holders, *(job.id for job in problem.jobs if job.id not in holders)])
    assert promises.first_broken(starts) is None


def test_a_promise_that_cannot_be_kept_any_more_moves_to_the_earliest_time_it_can():
    problem = parse_queue(
        {
            "jobs": [{"id": "a", "submit": 0, "procs": 4, "requestedTime": 10}],
            "running": [{"id": "r", "procs": 4, "start": 0, "requestedTime": 500}],
            "cluster": {"procs": 4},
            "now": 100,
            "reservations": [{"job": "a", "start": 200}],
        }
    )
    assert Promises(problem).due == {"a": 500}
