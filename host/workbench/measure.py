"""What a plugin costs, beside one that only echoes, in the same sandbox and the same run: ratios are what counts."""

from __future__ import annotations

import tempfile
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from host.sandbox.policy import SandboxPolicy
from host.workbench.bench import SandboxedChannel, Workbench
from host.workbench.check import identity
from host.workbench.verify import verify
from plugin_sdk.contract.manifest import Manifest
from plugin_sdk.testing.conformance import Kit
from plugin_sdk.testing.conformance.lives import teach
from plugin_sdk.testing.session import IN_FLIGHT, Identity, Session

STARTS = 5
_ECHO = "class Plugin:\n    def predict(self, input):\n        return 1.0\n"
_LONG_S = 30.0


class Cost(msgspec.Struct, rename="camel", frozen=True):
    """Figures of one plugin. Milliseconds, calls a second, bytes; `None` where there is none.

    Fields:
        start_ms: From nothing to the answer to `initialize`, the median of some.
        p50_ms, p99_ms: Of one call after the other.
        calls_per_s: With as many calls open as a host allows.
        train_ms: On `train_points` points of made-up history.
    """

    name: str
    start_ms: float
    p50_ms: float
    p99_ms: float
    calls_per_s: float
    memory_bytes: int | None
    train_ms: float | None = None
    train_points: int | None = None


class Measured(msgspec.Struct, rename="camel", frozen=True):
    """A plugin and the floor.

    Fields:
        questions: What was asked, in turn.
    """

    plugin: Cost
    echo: Cost
    isolation: str
    questions: list[str]


def measure(
    manifest: Manifest, folder: Path, policy: SandboxPolicy, seconds: float, data: Path | None
) -> Measured:
    """The figures.

    Args:
        seconds: About how long each of the two is asked, once in turn and once with several calls open.

    Raises:
        RefusedError: This machine does not hold plugins as the policy wants it.
        Fault: The plugin does not answer as it should; `plugin check` says more.
    """
    with Workbench(manifest, folder, policy, data=data) as bench, tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        echo_folder = Path(place) / "echo"
        echo_folder.mkdir()
        (echo_folder / "plugin.py").write_text(_ECHO)
        echo = Manifest("echo", "1.0.0", ("ml-driven",), entry="plugin:Plugin")
        kit = Kit(identity(manifest, policy), bench.start, verify=verify)
        floor = Kit(
            Identity("echo", "1.0.0", ("ml-driven",), {}, policy.grant(echo.limits)),
            lambda: bench.start_other(echo, echo_folder),
        )
        questions = kit.questions()
        asked = [(method, params) for _, method, params in questions]
        floor.ready().channel.kill()  # its zygote is up, as the plugin's is
        echoed = _cost("echo", floor, [("predict", {"input": {"workload_size": 100}})], seconds)
        cost = _cost(manifest.by, kit, asked, seconds)
        return Measured(
            cost, echoed, bench.isolation, [f"{method}: {each.what}" for each, method, _ in questions]
        )


def _cost(name: str, kit: Kit, asked: Sequence[tuple[str, Any]], seconds: float) -> Cost:
    starts = []
    for _ in range(STARTS):
        began = time.perf_counter()
        with kit.ready():
            starts.append((time.perf_counter() - began) * 1000)
    with kit.ready() as session:
        train_ms = points = None
        if "train" in kit.capabilities:
            training = kit.training()
            began = time.perf_counter()
            session.ask("train", training)
            train_ms, points = (time.perf_counter() - began) * 1000, len(training["points"])
        teach(kit, session)
        took = _in_turn(session, asked, seconds) or [0.0]
        rate = _at_once(session, asked, seconds)
        channel = session.channel
        held = channel.memory_bytes() if isinstance(channel, SandboxedChannel) else channel.held_bytes()
    return Cost(
        name=name,
        start_ms=round(median(starts), 2),
        p50_ms=round(took[len(took) // 2] * 1000, 4),
        p99_ms=round(took[min(int(len(took) * 0.99), len(took) - 1)] * 1000, 4),
        calls_per_s=round(rate, 1),
        memory_bytes=held,
        train_ms=None if train_ms is None else round(train_ms, 2),
        train_points=points,
    )


def _in_turn(session: Session, asked: Sequence[tuple[str, Any]], seconds: float) -> list[float]:
    """Seconds of each call, sorted."""
    took: list[float] = []
    until = time.perf_counter() + seconds
    while asked and time.perf_counter() < until:
        for method, params in asked:
            began = time.perf_counter()
            session.ask(method, params)
            took.append(time.perf_counter() - began)
    return sorted(took)


def _at_once(session: Session, asked: Sequence[tuple[str, Any]], seconds: float) -> float:
    """Calls a second with several open."""
    open_: deque[int] = deque()
    made = 0
    began = time.perf_counter()
    while asked and time.perf_counter() - began < seconds:
        for method, params in asked:
            open_.append(session.post(method, params))
            made += 1
            if len(open_) >= IN_FLIGHT:
                session.answer(open_.popleft(), _LONG_S)
    for each in open_:
        session.answer(each, _LONG_S)
    return made / max(time.perf_counter() - began, 1e-9)
