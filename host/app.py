"""Builds the host: the one place that knows every room. What runs it, from its start to its drain, is serving.py."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from host.api import Host
from host.clock import SystemClock
from host.config import HostConfig
from host.engine.engine import Engine
from host.registry.registry import Registry
from host.rpc.recording import Recorder
from host.sandbox.opening import open_sandbox
from host.sandbox.sandbox import Sandbox
from host.supervisor.supervisor import Supervisor
from host.tasks import Background, finish
from host.workload.bulk import Bulk
from host.workload.drift.watch import Drift, DriftWatch
from host.workload.history import History
from host.workload.journal import Journal
from host.workload.keeping import KeptStates
from host.workload.states import StateStore
from host.workload.teacher import Teacher


@dataclass(frozen=True)
class Running:
    """A host with all its rooms, up."""

    host: Host
    registry: Registry
    supervisor: Supervisor
    teacher: Teacher
    sandbox: Sandbox


@contextlib.asynccontextmanager
async def build(
    plugins: Path, scratch: Path, config: HostConfig, data: Path | None = None
) -> AsyncIterator[Running]:
    """A host without its front door; everything it started is gone when the block ends.

    Args:
        data: Where history is kept for the next host; without it, it is beside the scratch folders, for this one.

    Raises:
        ConfigError: The plugins directory cannot be read.
    """
    clock = SystemClock()
    registry = Registry(clock)
    async with contextlib.AsyncExitStack() as stack:  # each is closed whatever becomes of the others
        history = History((data or scratch.parent) / "history", config.history, clock, kept=data is not None)
        await history.open()
        stack.push_async_callback(finish_soon, history.aclose)
        sandbox = await open_sandbox(config.sandbox, clock)
        stack.push_async_callback(finish_soon, sandbox.aclose)
        bulk = Bulk(scratch.parent / "bulk" / "shared", history)
        stack.callback(bulk.close)
        held = replace(sandbox.sandbox, shared=bulk.folder)
        store = StateStore(
            (data or scratch.parent) / "states", config.history.state_bytes, config.history.state_versions
        )
        states = KeptStates(store)

        def trained(plugin: str, report: dict[str, object]) -> None:
            registry.events.publish("plugin:trained", plugin, clock.wall_ms(), report)

        teacher = Teacher(
            history, registry.ready, clock, config.teaching, keep=states.save, publish=trained, bulk=bulk
        )

        def drifted(what: Drift) -> None:
            registry.events.publish("workload:drift", "", clock.wall_ms(), msgspec.to_builtins(what))
            teacher.drifted()

        drift = DriftWatch(drifted)
        watching = Background()
        stack.push_async_callback(finish_soon, watching.aclose)
        recorder = None
        if config.serve.record:
            recorder = Recorder(Path(config.serve.record), config.recording)
            stack.push_async_callback(asyncio.to_thread, recorder.close)
        supervisor = Supervisor(
            plugins,
            scratch,
            registry,
            sandbox.launcher,
            clock,
            config.supervisor(),
            held,
            teacher.warm,
            states,
            recorder,
        )
        stack.push_async_callback(finish_soon, supervisor.aclose)
        engine = Engine(registry, Journal(history, clock, drift), clock, config.engine)
        stack.push_async_callback(finish_soon, engine.aclose)
        stack.push_async_callback(finish_soon, teacher.aclose)
        await supervisor.start()
        teacher.start()
        watching.start(drift.run(history), name="workload:drift")
        host = Host(engine, registry, supervisor, history, clock, teacher, states)
        yield Running(host, registry, supervisor, teacher, sandbox.sandbox)


async def finish_soon(close: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Completes a cleanup, also when the block it belongs to is cancelled."""
    await finish(close())
