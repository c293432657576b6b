"""Builds the host and runs it: the one place that knows every room.

`serve` is what `engine-ops serve` calls. Start reading at `build`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from host.api import Host
from host.clock import SystemClock
from host.config import HostConfig, ServeOptions, load_config
from host.engine.engine import Engine
from host.errors import ConfigError
from host.gateway.http import is_loopback, listen, make_app
from host.registry.registry import Registry
from host.sandbox.machine import at_least
from host.sandbox.opening import open_sandbox
from host.sandbox.sandbox import Sandbox
from host.supervisor.folder import scan
from host.supervisor.supervisor import Supervisor
from host.tasks import finish
from host.telemetry.logs import set_up
from host.workload.history import History
from host.workload.journal import Journal
from host.workload.teacher import Teacher

log = logging.getLogger(__name__)


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
        teacher = Teacher(history, registry.ready, clock, config.teaching)
        supervisor = Supervisor(
            plugins,
            scratch,
            registry,
            sandbox.launcher,
            clock,
            config.supervisor(),
            sandbox.sandbox,
            teacher.warm,
        )
        stack.push_async_callback(finish_soon, supervisor.aclose)
        engine = Engine(registry, Journal(history, clock), clock, config.engine)
        stack.push_async_callback(finish_soon, teacher.aclose)
        await supervisor.start()
        teacher.start()
        host = Host(engine, registry, supervisor, history, clock, teacher)
        yield Running(host, registry, supervisor, teacher, sandbox.sandbox)


async def finish_soon(close: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Completes a cleanup, also when the block it belongs to is cancelled."""
    await finish(close())


def serve(options: ServeOptions) -> int:
    """Runs a host until SIGTERM or SIGINT; a second one ends it at once.

    Returns:
        The exit code: 0 after an orderly end.

    Raises:
        ConfigError: A setting cannot be used.
        ListenError: The address is taken.
    """
    set_up(options.log_level)
    config = load_config(options.config)
    if options.allow_weak_sandbox and config.sandbox.isolation == "require":
        config = replace(config, sandbox=replace(config.sandbox, isolation="best-effort"))
    # What can be wrong with the options is an error now, not after the plugins have started.
    if not is_loopback(options.bind):
        raise ConfigError(f"bind is {options.bind!r}; give 127.0.0.1, ::1 or localhost")
    scan(options.plugins)
    run = asyncio.run
    with contextlib.suppress(ImportError):
        import uvloop

        run = uvloop.run
    with contextlib.ExitStack() as stack:
        base = options.data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="engine-ops-")))
        scratch = base.resolve() / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        run(_serve(options, config, scratch, options.data.resolve() if options.data else None))
    return 0


async def _serve(options: ServeOptions, config: HostConfig, scratch: Path, data: Path | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _on_signal, stop, number)
    async with build(options.plugins.resolve(), scratch, config, data) as running:
        runner, url = await listen(make_app(running.host), options.bind, options.port)
        try:
            _announce(url, running, options)
            await stop.wait()
            running.host.draining = True
            log.info("host.stopping")
        finally:
            await finish(runner.cleanup())


def _on_signal(stop: asyncio.Event, number: int) -> None:
    if stop.is_set():
        os._exit(128 + number)  # asked twice: the plugins die with this process
    stop.set()


def _announce(url: str, running: Running, options: ServeOptions) -> None:
    names = [entry.name for entry in running.registry.all()]
    log.info("host.listening", extra={"url": url, "plugins": names})
    sandbox = running.sandbox
    if sandbox.tier != "A":
        refused = sandbox.policy.isolation == "require" and not at_least(
            sandbox.tier, sandbox.policy.min_tier
        )
        log.warning(
            "sandbox.weak",
            extra={
                "tier": sandbox.tier,
                "layers": sandbox.layers,
                "what": "no plugin is started; --allow-weak-sandbox starts them"
                if refused
                else "run plugins you trust",
            },
        )
    history = running.host.host_info()["history"]
    if not history.durable:
        log.warning("history.not_durable", extra={"why": history.why_not})
    if options.json:
        sys.stdout.write(
            msgspec.json.encode({"event": "listening", "url": url, "plugins": names}).decode() + "\n"
        )
        sys.stdout.flush()
