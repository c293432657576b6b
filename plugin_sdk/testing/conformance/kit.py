"""What a check is given: the plugin under test, ways to start it, and what it said of itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from plugin_sdk.contract.errors import ErrorCode
from plugin_sdk.contract.messages import Capability, InitializeResult
from plugin_sdk.testing.channel import Channel, EndedError
from plugin_sdk.testing.conformance.report import Fault
from plugin_sdk.testing.conformance.samples import Sample, history, samples
from plugin_sdk.testing.conformance.shapes import wrong_with
from plugin_sdk.testing.session import Answer, Identity, Session, SilentError

Verify = Callable[[Sample, str, bytes], str | None]
"""Of an answer that is no abstention: what is wrong with it, or `None`. Gets the question, the method, the result."""

ASKED = ("predict", "score", "optimize")
_FAILED = (
    "mend the exception (its traceback is in the log), or return Abstained / "
    '{"abstained": true} for what it cannot answer'
)
_BAD_RESULT = (
    "nothing was raised: what it returned is no valid result, as the message says; the shapes are in the method's table in "
    "docs/reference/protocol.md. A nan comes of a division by 0, of a model that has learned nothing, or of a gap in the input"
)
HISTORY_POINTS = 400
HISTORY_MOST = 5000  # as many as the host sends at a time


class Kit:
    """One plugin under test.

    Args:
        start: Starts it anew.
        verify: Knows the rules of the answers; without it their shape alone is looked at.
        in_process: There is no process: what only a process can do is not tried.
        calls: How many the memory check makes.
        seconds: The longest it may take for them.
    """

    def __init__(
        self,
        who: Identity,
        start: Callable[[], Channel],
        *,
        verify: Verify | None = None,
        in_process: bool = False,
        calls: int = 10_000,
        seconds: float = 60.0,
    ) -> None:
        self.who = who
        self.verify = verify
        self.in_process = in_process
        self.calls = calls
        self.seconds = seconds
        self._start = start
        self._greeting: InitializeResult | None = None
        self._epoch = 0
        self.junk: list[bytes] = []
        self.strays: list[bytes] = []

    def channel(self) -> Channel:
        """A new process, and nothing said to it yet.

        Raises:
            Fault: It cannot be started.
        """
        try:
            return self._start()
        except (EndedError, OSError) as error:
            raise Fault(
                f"it cannot be started: {error}",
                remedy="see entry or command in plugin.toml, and whether the file can be read and run",
            ) from error

    def session(self, *, seed: int = 1) -> Session:
        """A new process, not yet initialized."""
        self._epoch += 1
        session = Session(self.channel(), self.who, seed=seed, epoch=self._epoch)
        session.junk, session.strays = self.junk, self.strays  # of the whole run
        return session

    def ready(self, *, seed: int = 1) -> Session:
        """A new process that has answered `initialize`.

        Raises:
            Fault: It did not, or not well.
        """
        session = self.session(seed=seed)
        try:
            self._greeting = read_greeting(session, session.initialize())
        except BaseException as error:
            session.channel.kill()
            if isinstance(error, SilentError):
                raise silent(error, "answer initialize within start_timeout; see its log") from error
            raise
        return session

    @property
    def greeting(self) -> InitializeResult:
        """What it said of itself when it was last asked."""
        if self._greeting is None:
            self.ready().channel.kill()
        assert self._greeting is not None
        return self._greeting

    @property
    def capabilities(self) -> dict[str, Capability]:
        """What it can be asked."""
        return self.greeting.capabilities

    @property
    def handles(self) -> tuple[str, ...]:
        """The types it is asked about."""
        narrowed = self.greeting.handles
        return tuple(each for each in self.who.handles if narrowed is None or each in narrowed)

    def questions(self, method: str | None = None) -> list[tuple[Sample, str, dict[str, Any]]]:
        """Everything it can be asked: the sample, the method, the parameters."""
        methods = [each for each in ASKED if each in self.capabilities and method in (None, each)]
        return [
            (sample, each, params)
            for sample in samples(self.handles)
            for each in methods
            if (params := sample.params(each)) is not None
        ]

    def training(self) -> dict[str, Any]:
        """The parameters of a `train` that has enough to learn from."""
        wanted = self.capabilities["train"].min_points if "train" in self.capabilities else 0
        count = min(max(HISTORY_POINTS, 2 * wanted), HISTORY_MOST)
        return {"points": [point.to_dict() for point in history(count)]}

    def checked(self, answer: Answer, sample: Sample, method: str) -> Answer:
        """*answer* when it is a valid one, or an abstention.

        Raises:
            Fault: It is neither.
        """
        if answer.error is not None:
            raise Fault(
                f"{method} ({sample.what}) was answered with an error: {answer.error.get('message')}",
                sent=answer.sent,
                got=answer.raw,
                remedy=_BAD_RESULT if answer.error.get("code") == ErrorCode.BAD_RESULT else _FAILED,
            )
        what = wrong_with(method, answer.result, sample)
        if what is None and self.verify is not None and method in ASKED and not answer.abstained:
            what = self.verify(sample, method, msgspec.json.encode(answer.result))
        if what is not None:
            raise Fault(
                f"{method} ({sample.what}): {what}",
                sent=answer.sent,
                got=answer.raw,
                remedy="see the method's table and its problem in docs/reference/protocol.md",
            )
        return answer

    def ask(
        self, session: Session, sample: Sample, method: str, params: dict[str, Any], remedy: str = ""
    ) -> Answer:
        """One question, its answer checked.

        Raises:
            Fault: There is no valid answer.
        """
        limit_s = self.who.limits.call_timeout_s
        try:
            return self.checked(session.ask(method, params, deadline_ms=limit_s * 1000), sample, method)
        except SilentError as error:
            why = remedy or f"answer within the manifest's call_timeout ({limit_s:g} s), or raise it"
            raise silent(error, why) from error


def read_greeting(session: Session, answer: Answer) -> InitializeResult:
    """The answer to `initialize`.

    Raises:
        Fault: It is an error, or none of the shape.
    """
    if answer.error is not None:
        message = str(answer.error.get("message", ""))
        cause = answer.error.get("data")
        more = cause.get("cause") if isinstance(cause, dict) else None
        raise Fault(
            f"initialize was refused: {message}",
            sent=answer.sent,
            got=more or answer.raw,
            remedy="mend what the message says; the plugin's log has the traceback",
        )
    try:
        return msgspec.convert(answer.result, InitializeResult)
    except msgspec.ValidationError as error:
        raise Fault(
            f"the answer to initialize is of the wrong shape: {error}",
            sent=answer.sent,
            got=answer.raw,
            remedy='answer {"protocol": 1, "plugin": {"name", "version"}, "capabilities": {...}}',
        ) from error


def silent(error: SilentError, remedy: str) -> Fault:
    """The fault of one that gave no answer."""
    return Fault(error.how, sent=error.sent, got="nothing", remedy=remedy)
