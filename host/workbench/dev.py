"""Runs a plugin alone: asks it sample questions, or what was recorded, shows what it says, and again when it changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from host.rpc.recording import Entry
from host.sandbox.policy import SandboxPolicy
from host.supervisor.tree import survey
from host.workbench.bench import Workbench
from host.workbench.check import Wrap, identity, read_folder
from host.workbench.verify import verify
from plugin_sdk.testing.channel import Channel, EndedError
from plugin_sdk.testing.conformance import Kit
from plugin_sdk.testing.conformance.lives import teach
from plugin_sdk.testing.conformance.report import Fault, shown
from plugin_sdk.testing.session import SilentError

LOOK_S = 0.3  # between two looks at the folder
ANSWER_S = 10.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class DevOptions:
    """What is asked.

    Attributes:
        replay: A recording; without it, sample questions.
        process: Which process of the recording; 0 is the one to which most was said.
    """

    replay: list[Entry] | None = None
    process: int = 0


def rounds(
    folder: Path, policy: SandboxPolicy, options: DevOptions, say: Say, wrap: Wrap, data: Path | None = None
) -> Iterator[bool]:
    """One round for each state of the folder, the first at once.

    Yields:
        Whether all was well. Between two, the folder is waited for to change.

    Raises:
        ConfigError: There is no such folder.
        RefusedError: This machine does not hold plugins as the policy wants it.
    """
    while True:
        seen = survey(folder).fingerprint
        yield _round(folder, policy, options, say, wrap, data)
        say(f"-- waiting for a change in {folder} (Ctrl-C ends)")
        while survey(folder).fingerprint == seen:
            time.sleep(LOOK_S)


def _round(
    folder: Path, policy: SandboxPolicy, options: DevOptions, say: Say, wrap: Wrap, data: Path | None
) -> bool:
    manifest = read_folder(folder)
    if isinstance(manifest, str):
        say(manifest)
        return False
    with Workbench(manifest, folder, policy, data=data) as bench:
        say(f"-- {manifest.by}, {bench.isolation}")
        if options.replay is not None:
            return _replayed(
                wrap(bench.start()), of_plugin(options.replay, manifest.name), options.process, say
            )
        kit = Kit(identity(manifest, policy), lambda: wrap(bench.start()), verify=verify)
        try:
            return _asked(kit, say)
        except Fault as fault:
            say(str(fault))
        except SilentError as error:
            say(f"{error.how}\n  sent: {shown(error.sent)}")
        return False


def _asked(kit: Kit, say: Say) -> bool:
    good = True
    with kit.ready() as session:
        say(f"it can be asked {', '.join(sorted(kit.capabilities))}")
        if {"train", "learn"} & kit.capabilities.keys():
            began = time.monotonic()
            teach(kit, session)
            points = len(kit.training()["points"])
            say(f"taught {points} made-up points in {(time.monotonic() - began) * 1000:.0f} ms")
        for sample, method, params in kit.questions():
            try:
                answer = kit.ask(session, sample, method, params)
            except Fault as fault:
                good = False
                say(f"{method} ({sample.what})\n{fault}")
                continue
            said = msgspec.json.encode(answer.result)
            say(f"{method} ({sample.what})  {answer.took_s * 1000:.1f} ms\n  {shown(said)}")
        for line in session.channel.log():
            say(f"log: {shown(line)}")
    return good


def _replayed(channel: Channel, entries: list[Entry], process: int, say: Say) -> bool:
    """Says again what was said, in order, and compares the answers."""
    chosen = process or _busiest(entries)
    recorded: dict[Any, Any] = {}
    for entry in entries:
        if entry.process == chosen and entry.to == "host" and (message := _message(entry.line)) is not None:
            recorded[_key(message)] = message
    same, other = 0, 0
    try:
        for entry in entries:
            if entry.process != chosen or entry.to != "plugin":
                continue
            channel.send(entry.line.encode() + b"\n")
            asked = _message(entry.line)
            if asked is None or "id" not in asked or "method" not in asked:
                continue
            answer = _heard(channel, _key(asked))
            was = recorded.get(_key(asked))
            if answer == was:
                same += 1
                continue
            other += 1
            say(f"{asked['method']} differs\n  sent: {shown(entry.line)}")
            say(f"  then: {_as_text(was)}\n  now:  {_as_text(answer)}")
    except EndedError as error:
        other += 1
        say(f"{error}; {channel.wait_exit(1.0) or 'its process lives'}")
        for line in channel.log():
            say(f"log: {shown(line)}")
    finally:
        channel.kill()
    say(f"replayed process {chosen}: {same} answers as recorded, {other} not")
    return other == 0


def _heard(channel: Channel, key: Any) -> Any:
    """The answer with that id; what else comes meanwhile is not waited for."""
    until = time.monotonic() + ANSWER_S
    while (left := until - time.monotonic()) > 0:
        line = channel.receive(left)
        if line is None:
            break
        message = _message(line.decode(errors="replace"))
        if message is not None and "method" not in message and _key(message) == key:
            return message
    return None


def _message(line: str) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _key(message: dict[str, Any]) -> str:
    return repr(message.get("id"))


def _as_text(answer: Any) -> str:
    return "no answer" if answer is None else shown(msgspec.json.encode(answer))


def of_plugin(entries: list[Entry], name: str) -> list[Entry]:
    """What was said to the plugin of that name; all, in a recording of one plugin alone."""
    return [entry for entry in entries if entry.plugin in ("", name)]


def _busiest(entries: list[Entry]) -> int:
    counts: dict[int, int] = {}
    for entry in entries:
        counts[entry.process] = counts.get(entry.process, 0) + (entry.to == "plugin")
    return max(counts, key=lambda process: counts[process], default=1)
