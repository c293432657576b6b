"""What happened, at the end: plain text, the same facts on a terminal and in a log."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from host.demo.cluster import mean_bounded_slowdown
from host.demo.folder import SABOTEUR
from host.demo.replay import Replay
from host.demo.shadow import play_alone
from host.demo.status import PluginStatus
from host.demo.tally import BUILTIN, mean
from host.demo.view import PLUGIN_COLUMNS, TYPES, percent, plugin_row, type_row
from host.solvers.queue import easy

_QUESTION = (
    '{"id": "1", "type": "resource", "data": {"items": [{"id": "a", "cpu": 2}], "nodeCapacity": {"cpu": 4}}}'
)


@dataclass(frozen=True)
class Ending:
    """What the summary is made of.

    Fields:
        saboteur: The answer of `plugins.get` for it; empty when it could not be had.
        stats: The answer of `workload.stats`.
        folder: Where its plugins and its log are.
    """

    replay: Replay
    plugins: Sequence[PluginStatus]
    saboteur: dict[str, Any]
    stats: dict[str, Any]
    url: str
    folder: Path
    kept: bool


def summary(end: Ending) -> str:
    """The whole text."""
    alone = _alone(end.replay)
    parts = [
        _in_short(end, alone),
        _replayed(end),
        _grid(
            ["request", "asked", "answered", "p50 ms", "p99 ms", "decided by", "vs built-in"],
            _types(end.replay),
        ),
        _gains(end.replay, alone),
        _candidates(end.replay),
        _grid(PLUGIN_COLUMNS, [plugin_row(each) for each in end.plugins]),
        _saboteur(end),
        _where(end),
    ]
    return "\n\n".join(part for part in parts if part)


def succeeded(replay: Replay) -> bool:
    """Whether every request was answered and every outcome recorded."""
    return replay.tally.asked > 0 and replay.tally.unanswered == 0 and not replay.tally.failures


def _alone(replay: Replay) -> float:
    """The mean bounded slowdown of the same jobs under the built-in alone."""
    jobs = [each.job for each in replay.timeline.done]
    jobs.sort(key=lambda job: job.submit_s)  # stable; the replay's own order of ends does not matter
    return mean_bounded_slowdown(play_alone(jobs, replay.trace.procs, easy))


def _in_short(end: Ending, alone: float) -> str:
    """What there was to see, for somebody who has never seen it."""
    tally, with_plugins = end.replay.tally, end.replay.mean_slowdown
    every = "every time" if tally.unanswered == 0 else f"{tally.answered} times"
    which = " (one hangs and dies on purpose)" if any(p.name == SABOTEUR for p in end.plugins) else ""
    return (
        f"In short: a cluster's scheduler asked a host {tally.asked} times what to do, and was answered {every}.\n"
        f"The host asked {len(end.plugins)} plugins{which}, and its own solvers; it checked every answer and took the best.\n"
        f"Jobs took {with_plugins:.2f} times as long as they had to (mean bounded slowdown); with the built-in alone, {alone:.2f}."
    )


def _replayed(end: Ending) -> str:
    replay = end.replay
    tally = replay.tally
    done = len(replay.timeline.done)
    lines = [
        f"Replayed {done} jobs of {replay.trace.name} on {replay.trace.procs} processors in {replay.elapsed_s:.0f} s:"
        f" {tally.asked} requests, {tally.answered} answered, {tally.unanswered} not; {tally.recorded} outcomes recorded."
    ]
    if replay.stopped_early:
        lines.append(
            f"The time bound of {replay.options.seconds:g} s came first: of {len(replay.trace.jobs)} jobs,"
            f" {replay.timeline.admitted} had come; the {replay.left_to_builtin} that still waited were played to"
            " their end by the built-in alone, without the host."
        )
    if replay.forced_starts:
        lines.append(
            f"{replay.forced_starts} times no decision would start any job on an idle machine; the oldest was started."
        )
    lines += [f"  failed {count} times: {why}" for why, count in tally.failures.most_common()]
    total = end.stats.get("totalRequests")
    if total is not None:
        lines.append(f"The host's history holds {total} points, outcomes and its own requests.")
    return "\n".join(lines)


def _types(replay: Replay) -> list[list[str]]:
    return [type_row(name, replay.tally.types[name]) for name in TYPES]


def _gains(replay: Replay, alone: float) -> str:
    queue = replay.tally.types["scheduling"]
    lines = []
    if queue.gains:
        lines.append(
            f"Decision by decision, {queue.beaten} of {len(queue.gains)} queue answers had a better projected mean"
            f" bounded slowdown than the built-in's; on average by {percent(queue.mean_gain)}."
        )
    packing = replay.tally.types["resource"]
    if packing.gains:
        lines.append(
            f"{packing.beaten} of {len(packing.gains)} packings used fewer nodes than the built-in's;"
            f" on average {percent(packing.mean_gain)}. {_memory_note(replay)}"
        )
    with_plugins = replay.mean_slowdown
    verdict = (
        "lower is better, so the plugins won"
        if with_plugins < alone
        else "lower is better, so the built-in won"
    )
    if abs(with_plugins - alone) < 0.005:
        verdict = "no difference"
    lines.append(
        f"Over the whole replay, the realised mean bounded slowdown was {with_plugins:.2f}; of the built-in alone on"
        f" the same jobs (EASY, replayed without the host) it is {alone:.2f}: {verdict}."
    )
    predicted, requested = mean(replay.predictions.predicted), mean(replay.predictions.requested)
    if predicted is not None and requested is not None:
        closer = "the predictions were closer" if predicted > requested else "the requests were closer"
        lines.append(
            f"Run times were predicted for {len(replay.predictions.predicted)} finished jobs, accuracy {predicted:.2f};"
            f" the users' own requests have {requested:.2f} (1 is exact): {closer}. They were asked for from job"
            f" {replay.predicting_since} on, when a plugin had trained: predictions have no built-in."
        )
    best = replay.tuning.best
    if best is not None:
        knobs = ", ".join(f"{name} {value:.3g}" for name, value in best["params"].items())
        lines.append(
            f"Tuning a queue policy's two knobs, simulated on {len(replay.tuned_on)} of the jobs: mean bounded slowdown"
            f" {replay.tuning.default:.2f} when set close to first come first served, {best['value']:.2f} at the best of"
            f" {len(replay.tuning.observations)} settings tried ({knobs})."
        )
    return "\n".join(lines)


def _candidates(replay: Replay) -> str:
    """Who was asked about the queue, what they said, and how often their answer was the best."""
    queue = replay.tally.types["scheduling"]
    told = []
    for (request_type, name), fate in sorted(replay.tally.fates.items()):
        if request_type == "scheduling" and not name.startswith(BUILTIN):
            won = sum(count for by, count in queue.deciders.items() if by.partition("@")[0] == name)
            said = ", ".join(f"{count} {status}" for status, count in sorted(fate.items()))
            told.append(f"{name}: {said}; decided {won}.")
    return "\n".join(["Asked about the queue:", *(f"  {each}" for each in told)]) if told else ""


def _memory_note(replay: Replay) -> str:
    if any(job.memory_bytes is not None for job in replay.trace.jobs):
        return "Memory is the trace's own where it says it."
    return f"The trace says nothing of memory; it is drawn per job, seed {replay.options.seed}."


def _saboteur(end: Ending) -> str:
    found = next((each for each in end.plugins if each.name == SABOTEUR), None)
    if found is None:
        return ""
    fate = end.replay.tally.fate(SABOTEUR)
    missed = (
        ", ".join(f"{fate[status]} {status}" for status in ("late", "failed", "invalid") if fate[status])
        or "none bad"
    )
    lines = [
        f"The saboteur ({SABOTEUR}) hangs, then eats memory, then dies, and begins again. It was asked {found.calls}"
        f" times and restarted {found.restarts} times; of its answers, {missed}.",
        f"Requests that got no answer because of it or anyone else: {end.replay.tally.unanswered}.",
    ]
    lines += [f"  {each}" for each in _setbacks(end.saboteur.get("story"))]
    return "\n".join(lines)


def _setbacks(story: Any) -> list[str]:
    """Of the host's own story of a plugin: how its processes ended, and what followed."""
    told = [str(each) for each in story] if isinstance(story, list) else []
    return [each for each in told if " backoff: " in each or " quarantined: " in each]


def _where(end: Ending) -> str:
    command = _command()
    serve = f"{command} serve --plugins {shlex.quote(str(end.folder / 'plugins'))} --data {shlex.quote(str(end.folder / 'data'))}"
    if end.kept:
        look = f"Look at {end.url}/api/v1/plugins (the host runs until you press Ctrl-C)."
    else:
        look = (
            f"The host was at {end.url} and has stopped. Its plugins and its log are kept in {end.folder};\n"
            "start it again with the first command and look at http://127.0.0.1:3000/api/v1/plugins"
        )
    return "\n".join(
        [
            look,
            "",
            "Try next, the first in a terminal of its own:",
            f"  {serve}",
            f"  {command} call engine.optimize '{_QUESTION}'",
            f"  {command} plugin list",
        ]
    )


def _command() -> str:
    """How this very program is called from here: `make demo` puts it on nobody's path."""
    if shutil.which("engine-ops"):
        return "engine-ops"
    program = Path(sys.executable).with_name("engine-ops")
    with contextlib.suppress(ValueError):
        program = program.relative_to(Path.cwd())
    return shlex.quote(str(program))


def _grid(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns of text, as wide as their widest."""
    widths = [max(len(row[at]) for row in [columns, *rows]) for at in range(len(columns))]

    def text(row: Sequence[str]) -> str:
        return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()

    return "\n".join([text(columns), *(text(row) for row in rows)])
