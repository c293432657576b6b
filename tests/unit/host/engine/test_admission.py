"""Admission: a bound on what is worked on, a queue that keeps deadlines, and an answer at once for the rest."""

from __future__ import annotations

import asyncio

import pytest

from host.engine.admission import Admission, AdmissionConfig
from host.errors import BusyError
from plugin_sdk.contract.problems import OptimizeRequest


class Now:
    """A clock that a test turns."""

    def __init__(self):
        self.at = 0.0

    def now(self):
        return self.at

    def wall_ms(self):
        return self.at * 1000


class Gate:
    """Requests that hold their place until they are told to go."""

    def __init__(self, config, clock):
        self.admission = Admission(config, clock)
        self.order = []
        self.alone = []
        self._ends = {}

    async def request(self, name, deadline=100.0, quick=False):
        came = self.admission._clock.now()
        plugins_too = await self.admission.enter(deadline, quick=quick)
        (self.order if plugins_too else self.alone).append(name)
        self._ends[name] = asyncio.Event()
        if plugins_too:
            try:
                await self._ends[name].wait()
            finally:
                self.admission.leave(came)

    def start(self, name, **more):
        return asyncio.create_task(self.request(name, **more))

    async def end(self, name):
        self._ends[name].set()
        await settle()


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_is_turned_away_unread_is_told_how_many_wait_before_they_are_read_too():
    gate = Gate(AdmissionConfig(in_flight=1), Now())
    first = gate.start("a")
    await settle()
    assert "1 requests are worked on and 7 wait" in str(gate.admission.turned_away(7))
    assert gate.admission.statistics().refused == 1
    await gate.end("a")
    await first


async def test_so_many_are_worked_on_the_next_wait_and_go_in_their_order():
    gate = Gate(AdmissionConfig(in_flight=2, queued=4), Now())
    tasks = [gate.start(name) for name in "abcd"]
    await settle()
    assert gate.order == ["a", "b"]
    await gate.end("b")
    await gate.end("a")
    assert gate.order == ["a", "b", "c", "d"]
    await gate.end("c")
    await gate.end("d")
    await asyncio.gather(*tasks)
    stats = gate.admission.statistics()
    assert (stats.admitted, stats.waited, stats.in_flight, stats.queued) == (2, 2, 0, 0)


async def test_over_the_queue_a_quick_one_is_left_to_the_built_in_and_another_refused_with_a_hint():
    gate = Gate(AdmissionConfig(in_flight=1, queued=1, alone=2), Now())
    tasks = [gate.start(name) for name in "ab"]
    await settle()
    await gate.request("quick 1", quick=True)
    await gate.request("quick 2", quick=True)
    assert gate.alone == ["quick 1", "quick 2"]
    for quick in (False, True):  # and of the quick ones so many in a while
        with pytest.raises(BusyError, match="1 requests are worked on and 1 wait") as found:
            await gate.request("more", quick=quick)
        assert found.value.data().retry_after_ms >= 100
        assert found.value.code == -32029
    await gate.end("a")
    await gate.end("b")
    await asyncio.gather(*tasks)


async def test_what_cannot_meet_its_deadline_is_not_kept_waiting():
    clock = Now()
    gate = Gate(AdmissionConfig(in_flight=1, queued=10), clock)
    for _ in range(40):  # requests take a second each
        task = gate.start("slow")
        await settle()
        clock.at += 1.0
        await gate.end("slow")
        await task
    task = gate.start("at work", deadline=clock.at + 100)
    await settle()
    with pytest.raises(BusyError):
        await gate.request("hurried", deadline=clock.at + 0.5)
    patient = gate.start("patient", deadline=clock.at + 100)
    await settle()
    await gate.end("at work")
    await gate.end("patient")
    await asyncio.gather(task, patient)


async def test_one_waits_for_a_share_of_its_time_only(within):
    clock = Now()
    gate = Gate(AdmissionConfig(in_flight=1, queued=10), clock)
    tasks = [gate.start("a"), gate.start("b", deadline=1.0)]
    await settle()
    clock.at = 0.51
    async with within(20):
        with pytest.raises(BusyError):
            await tasks[1]
    await gate.end("a")
    await tasks[0]
    assert gate.admission.statistics().in_flight == 0


async def test_in_a_standing_queue_nobody_waits_longer_than_a_request_takes(within):
    """Source: Maurer (2015): the oldest of a queue that is served newest first would wait for all of their time."""
    clock = Now()
    gate = Gate(AdmissionConfig(in_flight=1, queued=10, alone=1), clock)
    tasks = [gate.start(name, deadline=1e9, quick=True) for name in "abc"]
    await settle()
    clock.at = 60.0
    async with within(20):
        with pytest.raises(BusyError):  # one of the two is left to the built-in
            await asyncio.gather(*tasks[1:])
    assert gate.alone == ["b"] and gate.order == ["a"]
    await gate.end("a")
    await tasks[0]


async def test_a_queue_that_empties_lets_everyone_wait_for_the_share_of_their_time(within):
    clock = Now()
    gate = Gate(AdmissionConfig(in_flight=1, queued=10, target_s=0.01, interval_s=1e9), clock)
    tasks = [gate.start(name, deadline=1e9) for name in "ab"]
    await settle()
    clock.at = 60.0
    await asyncio.sleep(0.03)  # some looks at who has waited long enough
    await gate.end("a")
    assert gate.order == ["a", "b"]
    await gate.end("b")
    await asyncio.gather(*tasks)


async def test_in_a_standing_queue_the_newest_goes_first():
    clock = Now()
    # A target that no timer of this test reaches: only the clock that it turns decides.
    gate = Gate(AdmissionConfig(in_flight=1, queued=10, target_s=60.0), clock)
    tasks = [gate.start("0", deadline=1e9)]
    await settle()
    tasks += [gate.start(str(n), deadline=1e9) for n in range(1, 7)]
    await settle()
    for _ in range(4):
        clock.at += 100.0
        await gate.end(gate.order[-1])
    assert gate.order == [
        "0",
        "1",
        "6",
        "5",
        "4",
    ]  # the oldest first until it was seen to stand, then the newest
    while len(gate.order) < 7:
        await gate.end(gate.order[-1])
    await gate.end(gate.order[-1])
    await asyncio.gather(*tasks)


async def test_one_that_goes_away_while_it_waits_leaves_its_place_to_the_next():
    gate = Gate(AdmissionConfig(in_flight=1, queued=10), Now())
    tasks = [gate.start(name) for name in "abc"]
    await settle()
    tasks[1].cancel()
    await settle()
    await gate.end("a")
    assert gate.order == ["a", "c"]
    await gate.end("c")
    await asyncio.gather(*tasks, return_exceptions=True)
    assert gate.admission.statistics().in_flight == 0


@pytest.mark.fault("caller-ten-times")
async def test_at_ten_times_the_load_everyone_has_an_answer_or_a_clear_refusal_soon(rig, within):
    slow = rig.Plugin("slow", optimize=rig.LATE)
    engine = rig.engine(slow, in_flight=4, queued=8, cache_entries=0)
    data = {
        "items": [{"id": f"i{n}", "cpu": 3} for n in range(4)] + [{"id": "x", "cpu": 5}],
        "nodeCapacity": {"cpu": 8},
    }

    async def ask(n):
        try:
            return await engine.optimize(OptimizeRequest(f"r{n}", "resource", data, deadline_ms=400))
        except BusyError as error:
            return error

    async with within(30):
        found = await asyncio.gather(*(ask(n) for n in range(120)))
    answers = [each for each in found if not isinstance(each, BusyError)]
    assert len(answers) >= 4 + 64
    assert all(each.success for each in answers)
    alone = [each for each in answers if "plugins were not asked" in " ".join(each.reasons)]
    assert alone and all(each.degraded and each.decided_by.startswith("builtin:") for each in alone)


async def test_there_is_room_for_a_quick_one_while_the_built_in_may_answer_and_for_a_long_one_while_it_may_wait():
    gate = Gate(AdmissionConfig(in_flight=1, queued=2, alone=1), Now())
    tasks = [gate.start("a"), gate.start("b")]
    await settle()
    assert gate.admission.has_room(quick=True), "the built-in alone"
    assert gate.admission.has_room(quick=False), "one more waits"
    tasks.append(gate.start("c"))
    await settle()
    assert not gate.admission.has_room(quick=False)
    tasks.append(gate.start("d", quick=True))
    await settle()
    assert gate.alone == ["d"]
    assert not gate.admission.has_room(quick=True)
    for name in "abc":
        assert gate.order[-1] == name
        await gate.end(name)
    await asyncio.gather(*tasks)
