"""The table of checks, in the order in which they are made, and how they are run."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from plugin_sdk.testing.conformance import asking, lives, pressure
from plugin_sdk.testing.conformance.kit import Kit, silent
from plugin_sdk.testing.conformance.report import Fault, Outcome, SkipError
from plugin_sdk.testing.conformance.vectors import try_vector, vectors
from plugin_sdk.testing.session import SilentError

VECTOR = "vector:"


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        run: Raises `Fault`, or says what it saw.
        needs: A capability, without which it says nothing.
        process: It is about a process, and says nothing about an object in this one.
        first: When it fails, nothing else is tried.
    """

    name: str
    about: str
    run: Callable[[Kit], str]
    needs: str | None = None
    process: bool = False
    first: bool = False

    def __str__(self) -> str:
        return self.name


def _check(name: str, run: Callable[[Kit], str], about: str = "", **more: object) -> Check:
    return Check(name, about or (run.__doc__ or "").partition("\n")[0], run, **more)  # type: ignore[arg-type]


def _capability(method: str) -> Check:
    about = f"`{method}` answers every question it is asked with a valid answer, or abstains."
    return _check(f"capability:{method}", functools.partial(asking.asked, method=method), about, needs=method)


CHECKS: tuple[Check, ...] = (
    _check("start", lives.start, first=True),
    _check("handshake", lives.handshake, first=True),
    *map(_capability, ("predict", "score", "optimize")),
    _check("capability:train", asking.train, needs="train"),
    _check("capability:candidate", asking.candidate, needs="train"),
    _check("capability:learn", asking.learn, needs="learn"),
    _check("capability:describe", asking.describe, needs="describe"),
    _check("cold-start", lives.cold_start),
    _check("determinism", lives.determinism),
    _check("state", lives.state),
    _check("abstain", asking.abstain),
    _check("concurrency", asking.concurrency, process=True),
    _check("deadline", pressure.deadline),
    _check("cancel", pressure.cancel, process=True),
    _check("bad-input", pressure.bad_input),
    _check("memory", pressure.memory),
    _check("limits", pressure.limits, process=True),
    _check("shutdown", lives.shutdown, process=True),
    *(
        _check(
            f"{VECTOR}{each['name']}",
            functools.partial(try_vector, name=each["name"]),
            each["about"],
            process=True,
        )
        for each in vectors()
    ),
    _check("stdout", pressure.stdout, process=True),
)


def run_checks(kit: Kit, checks: Iterable[Check] = CHECKS) -> Iterator[Outcome]:
    """The outcome of each check as soon as it is there; after a `first` one that fails, the others are skipped."""
    blocked = ""
    for check in checks:
        outcome = run_check(check, kit, blocked)
        if check.first and outcome.status == "failed":
            blocked = f"{check.name} failed"
        yield outcome


def run_check(check: Check, kit: Kit, blocked: str = "") -> Outcome:
    """One check."""
    began = time.monotonic()
    outcome = Outcome(check.name, check.about, "passed", 0.0)
    try:
        if blocked:
            raise SkipError(blocked)
        outcome.note = attempt(check, kit)
    except SkipError as skip:
        outcome.status, outcome.note = "skipped", str(skip)
    except Fault as fault:
        outcome.status = "warned" if fault.warning else "failed"
        outcome.note, outcome.sent, outcome.got, outcome.remedy = (
            fault.what,
            fault.sent,
            fault.got,
            fault.remedy,
        )
    outcome.took_s = round(time.monotonic() - began, 3)
    return outcome


def attempt(check: Check, kit: Kit) -> str:
    """Makes one check.

    Raises:
        Fault: It is not passed.
        SkipError: It does not apply.
    """
    if check.process and kit.in_process:
        raise SkipError("it is about a process")
    if check.needs is not None and check.needs not in kit.capabilities:
        raise SkipError(f"it has no {check.needs}")
    try:
        return check.run(kit)
    except SilentError as error:
        raise silent(
            error, "answer every request, and read what is sent; see the log for why it stopped"
        ) from error
