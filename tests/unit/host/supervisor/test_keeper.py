"""A keeper under orders that come at any moment, over real processes. See tests/integration/supervisor too."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import resource
import shutil

import psutil
import pytest

from host.clock import SystemClock
from host.errors import CircuitOpenError, PluginGoneError
from host.process import child as child_module
from host.process.child import LocalLauncher
from host.rpc.breaker import BreakerPolicy
from host.rpc.limits import ClientLimits
from host.supervisor import incarnation as incarnation_module
from host.supervisor.restart import RestartPolicy

DEAF = "sleep 1000"  # never reads, so never answers


async def within(work, seconds=15):
    async with asyncio.timeout(seconds):
        return await work


async def test_enabling_what_runs_leaves_its_process_alone(keep):
    kept = keep()
    await within(kept.keeper.wait_settled())
    pid = await kept.ask()
    await within(kept.keeper.enable())
    await within(asyncio.gather(*(kept.keeper.enable() for _ in range(5))))
    assert await kept.ask() == pid
    assert kept.entry.epoch == 1


async def test_enabling_what_is_on_its_way_does_not_start_it_over(keep, eventually):
    kept = keep()
    await eventually(lambda: kept.state == "starting")
    await within(kept.keeper.enable())
    assert kept.state == "ready"
    assert kept.entry.epoch == 1


async def test_a_disabled_plugin_cannot_be_asked_from_that_instant(keep):
    kept = keep()
    await within(kept.keeper.wait_settled())
    stopping = asyncio.ensure_future(kept.keeper.disable())
    await asyncio.wait([stopping], timeout=0)
    with pytest.raises(PluginGoneError):
        await kept.ask()
    await within(stopping)
    assert kept.state == "stopped"


async def test_disable_overtaken_by_enable_lets_both_callers_go_and_it_runs(keep):
    kept = keep()
    await within(kept.keeper.wait_settled())
    pid = await kept.ask()
    await within(asyncio.gather(kept.keeper.disable(), kept.keeper.enable()))
    assert kept.state == "ready"
    assert await kept.ask() != pid, "the first order was met: that process is gone"


async def test_enable_overtaken_by_disable_lets_both_callers_go_and_it_rests(keep):
    kept = keep(enabled=False)
    await within(kept.keeper.wait_settled())
    await within(asyncio.gather(kept.keeper.enable(), kept.keeper.disable()))
    assert kept.state == "stopped"
    assert kept.keeper.view().pid is None


async def test_several_restarts_at_once_are_one(keep):
    kept = keep()
    await within(kept.keeper.wait_settled())
    await within(asyncio.gather(*(kept.keeper.restart() for _ in range(6))))
    assert kept.state == "ready"
    assert kept.entry.epoch == 2


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.fault("life-orders")
async def test_a_storm_of_orders_and_kills_ends_as_the_last_one_says(keep, eventually, seed):
    draw, killed = random.Random(seed), set()
    kept = keep(restarts=RestartPolicy(base_s=0.0, cap_s=0.0, intensity=1000))
    callers = []
    for _ in range(25):
        order = draw.choice(["enable", "disable", "restart", "kill", "breathe", "settle"])
        if order == "kill":
            child = kept.keeper._child
            if child is not None and child.alive:
                psutil.Process(child.pid).kill()
                killed.add(child.pid)
        elif order == "settle":
            await within(kept.keeper.wait_settled())
        elif order == "breathe":
            kept_state = kept.state
            for _ in range(draw.randrange(200)):
                await asyncio.sleep(0)
                if kept.state != kept_state:
                    break
        else:
            callers.append(asyncio.ensure_future(getattr(kept.keeper, order)()))
            await asyncio.sleep(0)
    await within(kept.keeper.enable())
    await within(asyncio.gather(*callers))
    # What was killed in the last moment may not be known to be dead yet.
    await eventually(lambda: kept.state == "ready" and kept.keeper.view().pid not in {None, *killed})
    assert await kept.ask() == kept.keeper.view().pid
    await within(kept.keeper.disable())
    assert kept.state == "stopped"
    assert kept.nothing_left()
    assert not kept.task.done()


@pytest.mark.parametrize(
    ("first", "manifest", "state"),
    [
        ("", "", "ready"),
        (DEAF, "", "starting"),
        ("exit 3", "", "backoff"),
        ("exit 3", "", "quarantined"),
        ("", '[dependencies]\npython = ["lightgbm"]\n', "quarantined"),
        ("", "", "stopped"),
        (DEAF, "", "stopping"),
    ],
)
@pytest.mark.fault("life-stop-from-anywhere")
async def test_its_task_ends_from_every_state_and_nobody_is_left_waiting(
    keep, eventually, monkeypatch, first, manifest, state
):
    monkeypatch.setattr(incarnation_module, "SHUTDOWN_S", 0.2)
    slow = RestartPolicy(base_s=1000, cap_s=1000, intensity=1 if state == "quarantined" else 10)
    kept = keep(first=first, manifest=manifest, enabled=state != "stopped", restarts=slow)
    waiting = []
    if state == "stopping":
        await eventually(lambda: kept.state == "starting")
        waiting.append(asyncio.ensure_future(kept.keeper.disable()))
    await eventually(lambda: kept.state == state)
    waiting.append(asyncio.ensure_future(kept.keeper.restart()))
    waiting.append(asyncio.ensure_future(kept.keeper.enable()))
    await asyncio.wait(waiting, timeout=0)
    kept.keeper.end("the test is over")
    await within(asyncio.gather(kept.task, *waiting))
    assert kept.state == "stopped"
    assert kept.nothing_left()
    await within(kept.keeper.enable())  # too late, and not for ever


async def test_enabling_a_quarantined_plugin_tries_again_before_it_answers(keep, eventually):
    kept = keep(first="[ -e ok ] || exit 3")
    await eventually(lambda: kept.state == "quarantined")
    (kept.keeper.folder / "ok").write_text("")
    await within(kept.keeper.enable())
    assert kept.state == "ready"


async def test_what_ended_it_at_its_start_is_said_as_it_was(keep, eventually):
    kept = keep(first="echo 'no model here' >&2; exit 3", restarts=RestartPolicy(base_s=0, intensity=2))
    await eventually(lambda: kept.state == "quarantined")
    report = kept.keeper.view().last_exit
    assert (report.cause, report.exit_code) == ("exit", 3)
    assert kept.keeper.logs(5) == ["no model here"]
    assert kept.keeper.logs(0) == kept.keeper.logs(-3) == []


async def test_the_last_words_of_the_process_before_are_still_in_the_log(keep, eventually):
    kept = keep(first="echo up $$ >&2")
    await within(kept.keeper.wait_settled())
    first = await kept.ask()
    psutil.Process(first).kill()
    await eventually(lambda: kept.entry.epoch == 2 and kept.state == "ready")
    second = await kept.ask()
    await eventually(lambda: len(kept.keeper.logs(9)) == 2)
    assert kept.keeper.logs(9) == [f"up {first}", f"up {second}"]


@pytest.mark.parametrize(
    ("first", "cause", "says"),
    [
        (
            'read -r line; echo \'{"jsonrpc":"2.0","id":1,"result":5}\'; sleep 1000',
            "protocol",
            "is no answer",
        ),
        (DEAF, "timeout", "did not come up: no answer within"),
        ("exec >&-; sleep 1000", "stopped", "closed its output but did not end"),
        ("head -c 9000000 /dev/zero; sleep 1000", "protocol", "without a newline"),
    ],
    ids=["rubbish", "silence", "closed", "endless"],
)
async def test_a_start_that_goes_wrong_says_how(keep, eventually, monkeypatch, first, cause, says):
    monkeypatch.setattr(incarnation_module, "PIPES_GRACE_S", 0.1)
    # Only silence is to outlast its time; the others have enough of it on a busy machine, too.
    limits = f'[limits]\nstart_timeout = "{"300ms" if cause == "timeout" else "15s"}"\n'
    kept = keep(first=first, manifest=limits, restarts=RestartPolicy(intensity=1))
    await eventually(lambda: kept.state == "quarantined")
    report = kept.keeper.view().last_exit
    assert (report.cause, report.signal) == (cause, "SIGKILL")
    assert says in report.summary


async def test_a_folder_that_is_gone_is_no_start_and_leaves_no_scratch(keep, eventually):
    kept = keep(enabled=False)
    shutil.rmtree(kept.keeper.folder)
    await within(kept.keeper.enable())
    await eventually(lambda: kept.state == "quarantined")
    assert kept.keeper.view().last_exit.cause == "notStarted"
    assert not any(kept.scratch.iterdir())


class Broken(LocalLauncher):
    """A launcher with a bug of its own."""

    async def launch(self, spec):
        raise RuntimeError("nobody thought of this")


async def test_a_bug_in_a_keeper_leaves_nobody_waiting(keep):
    kept = keep(launcher=Broken(SystemClock()))
    waiting = asyncio.ensure_future(kept.keeper.wait_settled())
    await within(asyncio.wait([kept.task]))
    assert isinstance(kept.task.exception(), RuntimeError)
    await within(waiting)
    await within(kept.keeper.restart())
    assert not any(kept.scratch.iterdir())


async def test_a_keeper_that_is_cancelled_in_the_middle_of_a_stop_leaves_no_process(
    keep, eventually, monkeypatch
):
    monkeypatch.setattr(child_module, "TERM_GRACE_S", 1000)
    monkeypatch.setattr(incarnation_module, "SHUTDOWN_S", 1000)
    monkeypatch.setattr(incarnation_module, "PIPES_GRACE_S", 1000)
    kept = keep(first="trap '' TERM\n" + DEAF)
    await eventually(lambda: kept.state == "starting")
    stopping = asyncio.ensure_future(kept.keeper.disable())
    await eventually(lambda: kept.state == "stopping")
    kept.task.cancel()
    await within(asyncio.wait([kept.task]))
    await within(stopping)
    assert kept.nothing_left()


async def test_its_ceiling_on_a_call_is_the_hosts_when_that_is_lower(keep):
    kept = keep(manifest='[limits]\ncall_timeout = "1h"\n')
    assert kept.entry.limits.call_timeout_s == 300.0


@pytest.mark.fault("life-out-of-descriptors")
async def test_a_host_out_of_descriptors_starts_nothing_and_recovers_when_there_are_some(keep, eventually):
    kept = keep(enabled=False, restarts=RestartPolicy(base_s=0.01, cap_s=0.02, intensity=1000))
    await within(kept.keeper.wait_settled())
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = [os.dup(0) for _ in range(3)]
    try:
        # What is open stays so; the next ones find no number that is free.
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(held) + 1, hard))
        starting = asyncio.ensure_future(kept.keeper.enable())
        await eventually(lambda: kept.keeper.view().last_exit is not None)
        assert kept.keeper.view().last_exit.cause == "notStarted"
        assert "Too many open files" in kept.keeper.view().last_exit.summary
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for each in held:
            os.close(each)
    await within(starting)
    await eventually(lambda: kept.state == "ready")


async def test_one_that_was_quiet_for_long_is_asked_whether_it_lives(keep, eventually):
    kept = keep(
        client=ClientLimits(grace_s=0.1, heartbeat_s=0.05), manifest='[limits]\ncall_timeout = "100ms"\n'
    )
    await within(kept.keeper.wait_settled())
    pid = kept.keeper.view().pid
    psutil.Process(pid).suspend()
    await eventually(lambda: kept.keeper.view().last_exit is not None)
    assert kept.keeper.view().last_exit.cause == "timeout"
    await eventually(lambda: kept.state == "ready" and kept.keeper.view().pid != pid)


async def test_a_circuit_that_opens_shows_as_degraded_and_closes_again(keep, eventually):
    kept = keep(breaker=BreakerPolicy(in_a_row=2, open_s=0.05))
    await within(kept.keeper.wait_settled())
    told = []
    kept.registry.events.subscribe(told.append)
    for _ in range(2):
        kept.entry.breakers.of("predict").failed(0, asyncio.get_running_loop().time(), "no model")
    view = kept.keeper.view()
    assert (view.state, view.breakers["predict"].state) == ("degraded", "open")
    assert "predict is not asked: 2 failures in a row, the last: no model" in view.state_why
    assert view.breakers["predict"].retry_at > 0
    assert [(event.topic, event.detail.get("cause")) for event in told] == [
        ("plugin:error", "circuitOpen"),
        ("plugin:state", None),
    ]
    with pytest.raises(CircuitOpenError):
        await kept.ask()

    async def asked():
        with contextlib.suppress(CircuitOpenError):
            await kept.ask()

    while kept.state == "degraded":
        await within(asked())
        await asyncio.sleep(0.01)
    assert kept.state == "ready"
    assert kept.keeper.view().breakers["predict"].state == "closed"
