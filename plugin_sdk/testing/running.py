"""Runs the checks from an author's own code: in process with a debugger, or as pytest's parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from plugin_sdk.contract.manifest import Limits, Manifest
from plugin_sdk.contract.workload import REQUEST_TYPES
from plugin_sdk.testing.channel import Channel
from plugin_sdk.testing.conformance.kit import Kit
from plugin_sdk.testing.conformance.report import Fault, Outcome, Report, SkipError
from plugin_sdk.testing.conformance.table import CHECKS, Check, attempt, run_checks
from plugin_sdk.testing.folder import load_folder
from plugin_sdk.testing.in_process import InProcessChannel
from plugin_sdk.testing.mistakes import MISTAKES
from plugin_sdk.testing.process import ProcessChannel, read_manifest
from plugin_sdk.testing.session import Identity

CALLS = 2_000  # of the memory check; `engine-ops plugin check` makes 10,000
SECONDS = 10.0


class Subject:
    """A plugin under test, and the checks that say something about it.

    Args:
        plugin: What an `entry` would name (a class, a factory, an instance), or the folder of a plugin in any language;
            a folder with a `command` is run as a process, all else in this one.
        config: Laid over the manifest's `[config]`.
        handles: The request types; without them the manifest's, or all.
        limits: Without them the manifest's, or the defaults.
    """

    def __init__(
        self,
        plugin: Any,
        *,
        config: Mapping[str, Any] | None = None,
        handles: Sequence[str] | None = None,
        limits: Limits | None = None,
        calls: int = CALLS,
        seconds: float = SECONDS,
    ) -> None:
        manifest: Manifest | None = None
        self.channels: list[Channel] = []
        self._folder: Path | None = None
        self._plugin = plugin
        if isinstance(plugin, str | Path):
            manifest = read_manifest(plugin)
            if manifest.entry is None:
                self._folder = Path(plugin)
            else:
                self._plugin = load_folder(plugin)
        self.name = manifest.name if manifest is not None else _name_of(plugin)
        who = Identity(
            self.name,
            manifest.version if manifest is not None else "0.0.0",
            tuple(handles or (manifest.handles if manifest is not None else REQUEST_TYPES)),
            {**(manifest.config if manifest is not None else {}), **(config or {})},
            limits or (manifest.limits if manifest is not None else Limits()),
        )
        in_process = self._folder is None
        self.checks = _of_an_object() if in_process else CHECKS
        self.kit = Kit(who, self._start, in_process=in_process, calls=calls, seconds=seconds)

    def _start(self) -> Channel:
        channel: Channel = (
            ProcessChannel(self._folder) if self._folder is not None else InProcessChannel(self._plugin)
        )
        self.channels.append(channel)
        return channel

    def raised(self) -> BaseException | None:
        """The last exception that the author's code raised, in process."""
        for channel in reversed(self.channels):
            if isinstance(channel, InProcessChannel) and channel.raised is not None:
                return channel.raised
        return None


def run(plugin: Any, *, debug: bool = False, raises: bool = True, **options: Any) -> Report:
    """Runs every check that can be made without a host, on this thread: breakpoints stop, tracebacks are whole.

    Args:
        plugin: A class, a factory or an instance, as an `entry` would name it; or the path of a plugin's folder.
        debug: Opens the debugger where the author's code raised.
        raises: Stops at the first check that fails; without it all are made and reported.
        options: See `Subject`.

    Raises:
        Fault: A check failed, with the author's own exception as its cause.
    """
    subject = Subject(plugin, **options)
    outcomes: list[Outcome] = []
    for outcome in run_checks(subject.kit, subject.checks):
        outcomes.append(outcome)
        if outcome.status != "failed":
            continue
        cause = subject.raised()
        if debug and cause is not None:
            import pdb

            pdb.post_mortem(cause.__traceback__)
        if raises:
            raise Fault(
                f"{outcome.check}: {outcome.note}", sent=outcome.sent, got=outcome.got, remedy=outcome.remedy
            ) from cause
    where = "in this process" if subject.kit.in_process else "in a process of its own, without a sandbox"
    return Report(subject.name, where, outcomes)


class PluginCheck:
    """One check, bound to one plugin; called in a test with that plugin."""

    def __init__(self, subject: Subject, check: Check) -> None:
        self._subject = subject
        self._check = check
        self.__name__ = check.name

    def __repr__(self) -> str:
        return self._check.name

    def __call__(self, _plugin: Any = None) -> str:
        """What was seen.

        Raises:
            Fault: It fails. In pytest a check that does not apply is skipped, and a warning is given as one.
        """
        import warnings

        try:
            return attempt(self._check, self._subject.kit)
        except SkipError as skip:
            import pytest

            pytest.skip(str(skip))
        except Fault as fault:
            if not fault.warning:
                raise fault from self._subject.raised()
            warnings.warn(str(fault), PluginWarning, stacklevel=2)
            return fault.what


class PluginWarning(UserWarning):
    """A check is passed, with something to think about."""


def parametrize_with_checks(plugins: Sequence[Any], **options: Any) -> Callable[[Any], Any]:
    """A pytest decorator: the test gets each `plugin` with each `check`, and calls `check(plugin)`.

    Args:
        plugins: Each as for `run`.
        options: See `Subject`.
    """
    import pytest

    cases = []
    for plugin in plugins:
        subject = Subject(plugin, **options)
        cases += [
            pytest.param(plugin, PluginCheck(subject, check), id=f"{subject.name}-{check.name}")
            for check in subject.checks
        ]
    return pytest.mark.parametrize(("plugin", "check"), cases)


def _of_an_object() -> tuple[Check, ...]:
    """The checks that say something in process; the one for shared state before anything has been taught."""
    shared, *others = MISTAKES
    made = [each for each in CHECKS if each.first]
    return (*made, shared, *(each for each in CHECKS if not each.process and not each.first), *others)


def _name_of(plugin: Any) -> str:
    return str(getattr(plugin, "__name__", type(plugin).__name__))
