"""Runs a host from its start to its end: sockets, signals, a new configuration, and the drain.

Start reading at `serve`. What the host is made of is `app.build`'s matter.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import ssl
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from host.app import Running, build
from host.config import HostConfig, ServeConfig
from host.errors import ConfigError
from host.gateway.access.audit import AuditLog, Change
from host.gateway.access.tokens import TokenStore
from host.gateway.front import Access, Front
from host.gateway.http import FRONT, bind_address, drain, is_loopback, listen, make_app
from host.gateway.listener import listener
from host.layering import Settled
from host.registry.settings import SettingsChange
from host.sandbox.machine import at_least
from host.supervisor.folder import scan
from host.tasks import Background, finish
from host.telemetry.logs import set_up
from host.telemetry.tracing import open_tracer
from host.workload.errors import HistoryInUseError

log = logging.getLogger(__name__)

NOTICE_S = 0.5  # readyz says 503 for so long before the socket closes, so that who looks at it stays away
TAKE_OVER_S = 120.0  # that one that takes over waits for the one before to stop
LOOK_AGAIN_S = 0.1
# Between two looks of the collector at what is new. With 64 requests under way Python's own 700 are a dozen requests' worth,
# and the looks take a twenty-fifth of the time, to find nothing: what a request makes goes with it.
YOUNG_OBJECTS = 10_000
SWITCH_S = 0.001  # for so long another thread may keep the loop's from going on; Python's own figure is 0.005
# Tables, or keys of one, that act while the host runs; the others at the next start.
RELOADABLE = ("gateway", "plugins", "serve.log_level", "serve.tls_cert", "serve.tls_key")


@dataclass(frozen=True)
class ServeOptions:
    """One run of a host.

    Attributes:
        settle: The settings as they are now; asked again for a reload.
        json: One line of JSON on stdout when it listens.
        take_over: Another host may have the port; new connections come here from now on.
    """

    settle: Callable[[], Settled]
    json: bool = False
    take_over: bool = False


def serve(options: ServeOptions) -> int:
    """Runs a host until SIGTERM or SIGINT; a second one ends it at once.

    Returns:
        The exit code: 0 after an orderly end.

    Raises:
        ConfigError: A setting cannot be used.
        ListenError: The address is taken.
    """
    settled = options.settle()
    config = _weak_allowed(settled.config)
    wanted = config.serve
    set_up(wanted.log_level)
    # What can be wrong with the settings is an error now, not after the plugins have started.
    tls = _tls(wanted)
    scan(Path(wanted.plugins))
    data = Path(wanted.data).resolve() if wanted.data else None
    tokens = TokenStore(data) if data is not None else None
    _check_exposure(wanted, tokens)
    run = asyncio.run
    with contextlib.suppress(ImportError):
        import uvloop

        run = uvloop.run
    with contextlib.ExitStack() as stack:
        base = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="engine-ops-"))).resolve()
        scratch = base / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        run(_Serving(options, config, scratch, data, tls, tokens).run())
    return 0


def _weak_allowed(config: HostConfig) -> HostConfig:
    if config.serve.allow_weak_sandbox and config.sandbox.isolation == "require":
        return replace(config, sandbox=replace(config.sandbox, isolation="best-effort"))
    return config


def _tls(wanted: ServeConfig) -> ssl.SSLContext | None:
    if not wanted.tls_cert:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load(context, wanted)
    return context


def _load(context: ssl.SSLContext, wanted: ServeConfig) -> None:
    try:
        context.load_cert_chain(wanted.tls_cert, wanted.tls_key)
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or type(error).__name__
        raise ConfigError(
            f"serve.tls_cert {wanted.tls_cert} and tls_key {wanted.tls_key} cannot be used: {reason}; "
            "give PEM files of a certificate chain and its key"
        ) from error


def _check_exposure(wanted: ServeConfig, tokens: TokenStore | None) -> None:
    """Whoever can be reached from other machines asks for tokens, and over TLS.

    Raises:
        ConfigError: Something of it is missing; says what and how to get it.
    """
    if is_loopback(wanted.bind):
        return
    reached = f"bind is {wanted.bind!r}, which other machines reach"
    if tokens is None:
        raise ConfigError(f"{reached}, and tokens are kept in a data directory; give one with --data DIR")
    if not tokens.exists():
        raise ConfigError(
            f"{reached}, and there are no tokens in {wanted.data}; make one first: "
            f"engine-ops token new NAME --role admin --data {wanted.data}"
        )
    if not wanted.tls_cert and not wanted.insecure_behind_proxy:
        raise ConfigError(
            f"{reached}, and tokens must not go over the wire in clear; give --tls-cert and --tls-key, "
            "or --insecure-behind-proxy where somebody in front speaks TLS"
        )


class _Serving:
    """One run: what it holds between its signals."""

    def __init__(
        self,
        options: ServeOptions,
        config: HostConfig,
        scratch: Path,
        data: Path | None,
        tls: ssl.SSLContext | None,
        tokens: TokenStore | None,
    ) -> None:
        self._options = options
        self._config = config
        self._scratch = scratch
        self._data = data
        self._tls = tls
        self._tokens = tokens
        self._audit = AuditLog(data)
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Until a signal says that it is enough."""
        loop = asyncio.get_running_loop()
        sys.setswitchinterval(SWITCH_S)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, number)
        wanted = self._config.serve
        tracer = open_tracer(self._config.tracing)
        try:
            # Bound before anything else is done: from now on connections wait here, not at the host that stops.
            bound = None
            if self._options.take_over:
                bound = listener(bind_address(wanted.bind), wanted.port, take_over=True)
            async with self._built() as running:
                access = Access(
                    self._tokens,
                    self._audit,
                    required=not is_loopback(wanted.bind),
                    bound=wanted.bind,
                    tracer=tracer,
                )
                app = make_app(running.host, self._config.gateway, access)
                runner, url = await listen(app, wanted.bind, wanted.port, tls=self._tls, bound=bound)
                background = Background()
                loop.add_signal_handler(
                    signal.SIGHUP,
                    lambda: background.start(self._reload(running, app[FRONT]), name="serving:reload"),
                )
                # What is there now stays until the end: no collection need look through it again.
                gc.collect()
                gc.freeze()
                gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
                try:
                    self._announce(url, running)
                    await self._stop.wait()
                finally:
                    await background.aclose()
                    await finish(self._drain(running, app, runner))
        finally:
            await asyncio.to_thread(tracer.close)

    @contextlib.asynccontextmanager
    async def _built(self) -> AsyncIterator[Running]:
        """The host; one that takes over waits until the one before has let go of their history."""
        plugins = Path(self._config.serve.plugins).resolve()
        waits_until = time.monotonic() + (TAKE_OVER_S if self._options.take_over else 0.0)
        async with contextlib.AsyncExitStack() as stack:
            while True:
                try:
                    running = await stack.enter_async_context(
                        build(plugins, self._scratch, self._config, self._data)
                    )
                    break
                except HistoryInUseError:
                    if time.monotonic() > waits_until or self._stop.is_set():
                        raise
                    log.info(
                        "serving.waiting", extra={"what": "the other host uses the history: stop it now"}
                    )
                    await asyncio.sleep(LOOK_AGAIN_S)
            yield running

    def _on_signal(self, number: int) -> None:
        if self._stop.is_set():
            os._exit(128 + number)  # asked twice: the plugins die with this process
        self._stop.set()

    async def _drain(self, running: Running, app: web.Application, runner: web.AppRunner) -> None:
        """Not ready any more, then not listening, then the answers under way."""
        running.host.draining = True
        log.info("host.stopping")
        await asyncio.sleep(NOTICE_S)
        await drain(app, runner)

    async def _reload(self, running: Running, front: Front) -> None:
        """Goes by the settings as they are now, in what can change while it runs. What is wrong changes nothing."""
        try:
            settled = await asyncio.to_thread(self._options.settle)
            new = _weak_allowed(settled.config)
            if self._tls is not None and new.serve.tls_cert:
                _load(self._tls, new.serve)  # a renewed certificate is in the files of the same names
        except ConfigError as error:
            log.error("config.not_reloaded", extra={"why": str(error)})
            return
        changed = differences(self._config, new)
        acts = {name: pair for name, pair in changed.items() if _reloadable(name)}
        later = sorted(set(changed) - set(acts))
        front.take(new.gateway)
        logging.getLogger().setLevel(new.serve.log_level.upper())
        for name, settings in new.plugins.items():
            if settings != self._config.plugins.get(name) and name in {
                each.name for each in running.host.plugins()
            }:
                change = SettingsChange(settings.enabled, settings.priority, settings.config, settings.limits)
                await running.host.configure(name, _said(change))
        self._config = replace(
            self._config,
            gateway=new.gateway,
            plugins=new.plugins,
            serve=replace(self._config.serve, log_level=new.serve.log_level),
        )
        log.info("config.reloaded", extra={"changed": sorted(acts), "at_the_next_start": later})
        if acts:
            before = {name: pair[0] for name, pair in acts.items()}
            after = {name: pair[1] for name, pair in acts.items()}
            await self._audit.note(
                Change(time.time() * 1000.0, "operator", "config.reload", before=before, after=after)
            )

    def _announce(self, url: str, running: Running) -> None:
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
        if self._options.json:
            said = {"event": "listening", "url": url, "plugins": names}
            sys.stdout.write(msgspec.json.encode(said).decode() + "\n")
            sys.stdout.flush()


def _said(change: SettingsChange) -> Mapping[str, Any]:
    said: dict[str, Any] = msgspec.to_builtins(change)
    return said


def _reloadable(name: str) -> bool:
    return name in RELOADABLE or name.partition(".")[0] in RELOADABLE


def differences(before: HostConfig, after: HostConfig) -> dict[str, tuple[Any, Any]]:
    """Every setting that is not the same in both, by `table.key`, with both values."""
    found: dict[str, tuple[Any, Any]] = {}
    for room in fields(HostConfig):
        one, other = getattr(before, room.name), getattr(after, room.name)
        if room.name == "plugins":
            for plugin in sorted({*one, *other}):
                if one.get(plugin) != other.get(plugin):
                    pair = tuple(msgspec.to_builtins(each.get(plugin)) for each in (one, other))
                    found[f"plugins.{plugin}"] = (pair[0], pair[1])
            continue
        for each in fields(one):
            if getattr(one, each.name) != getattr(other, each.name):
                found[f"{room.name}.{each.name}"] = (getattr(one, each.name), getattr(other, each.name))
    return found
