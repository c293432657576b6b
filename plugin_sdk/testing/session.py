"""One conversation with a plugin, as a host holds it: requests out, the answers by their ids, and what was junk."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import msgspec

from plugin_sdk.contract.manifest import Limits
from plugin_sdk.contract.messages import InitializeParams, Peer, ProtocolRange, WireLimits
from plugin_sdk.testing.channel import Channel, EndedError

GRACE_S = 2.0  # from a passed deadline, or a cancel, to the host's verdict that a plugin hangs
SLOW_MACHINE = 5.0  # how much longer than the host a check waits before it calls something late
FRAME_BYTES = 8 * 1024 * 1024
IN_FLIGHT = 4


class Answer(msgspec.Struct):
    """A response. One of `result` and `error` is set, unless the line was no valid response."""

    sent: bytes
    raw: bytes
    took_s: float
    result: Any = None
    error: dict[str, Any] | None = None

    @property
    def abstained(self) -> bool:
        """Whether it is a "no"."""
        return isinstance(self.result, dict) and self.result.get("abstained") is True

    @property
    def code(self) -> int | None:
        """The error's code."""
        return None if self.error is None else self.error.get("code")


class SilentError(Exception):
    """No answer came in time, or the plugin ended first.

    Attributes:
        sent: What was asked.
        how: What happened instead.
    """

    def __init__(self, sent: bytes, how: str) -> None:
        super().__init__(how)
        self.sent = sent
        self.how = how


@dataclass(frozen=True)
class Identity:
    """Whom the host believes to have started, and with what settings."""

    name: str
    version: str
    handles: tuple[str, ...]
    config: Mapping[str, Any]
    limits: Limits


class Session:
    """A conversation over one channel. Leaves nothing behind: use it in a `with`.

    Attributes:
        junk: Lines that were no messages.
        strays: Answers that nobody waited for, and second answers.
    """

    def __init__(self, channel: Channel, who: Identity, *, seed: int = 1, epoch: int = 1) -> None:
        self.channel = channel
        self.who = who
        self.junk: list[bytes] = []
        self.strays: list[bytes] = []
        self._seed = seed
        self._epoch = epoch
        self._next_id = 1
        self._open: dict[int, tuple[bytes, float]] = {}
        self._answers: dict[int, Answer] = {}

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.channel.kill()

    def hello(self) -> InitializeParams:
        """What `initialize` says."""
        limits = self.who.limits
        return InitializeParams(
            protocol=ProtocolRange(),
            host=Peer("plugin_sdk.testing", "1.0.0"),
            plugin=Peer(self.who.name, self.who.version),
            instance=f"check-{self._epoch}",
            epoch=self._epoch,
            handles=list(self.who.handles),
            config=dict(self.who.config),
            limits=WireLimits(FRAME_BYTES, IN_FLIGHT, limits.memory_bytes, limits.call_timeout_s * 1000),
            seed=self._seed,
        )

    def initialize(self, state: Mapping[str, Any] | None = None) -> Answer:
        """Says hello; bounded by the manifest's `start_timeout`.

        Args:
            state: What an earlier process saved, as the protocol has it.
        """
        params = msgspec.to_builtins(self.hello())
        if state is not None:
            params["state"] = dict(state)
        return self.ask("initialize", params, timeout_s=self.who.limits.start_timeout_s)

    def post(self, method: str, params: Any = None, *, deadline_ms: float | None = None) -> int:
        """Sends a request; its answer is got by `answer`.

        Raises:
            SilentError: It does not read.
        """
        request_id = self._next_id
        self._next_id += 1
        params = {} if params is None else params
        if deadline_ms is not None:
            params = {**params, "_meta": {"deadlineMs": deadline_ms}}
        line = msgspec.json.encode({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
        self._open[request_id] = (line, time.monotonic())
        self.say(line)
        return request_id

    def say(self, line: bytes) -> None:
        """Sends a line as it is.

        Raises:
            SilentError: It does not read.
        """
        try:
            self.channel.send(line + b"\n")
        except EndedError as error:
            raise SilentError(line, self._how(str(error))) from error

    def notify(self, method: str, params: Any) -> None:
        """Sends a notification."""
        self.say(msgspec.json.encode({"jsonrpc": "2.0", "method": method, "params": params}))

    def answer(self, request_id: int, timeout_s: float) -> Answer:
        """The answer to a request.

        Raises:
            SilentError: There is none in time.
        """
        sent, _ = self._open[request_id]
        until = time.monotonic() + timeout_s
        while request_id not in self._answers:
            left = until - time.monotonic()
            if left <= 0:
                raise SilentError(sent, self._how(f"no answer within {timeout_s:g} s"))
            self._take(sent, left)
        del self._open[request_id]
        return self._answers.pop(request_id)

    def ask(
        self,
        method: str,
        params: Any = None,
        *,
        deadline_ms: float | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """One call and its answer.

        Raises:
            SilentError: No answer came in time.
        """
        bound = timeout_s if timeout_s is not None else self.patience_s(method)
        return self.answer(self.post(method, params, deadline_ms=deadline_ms), bound)

    def patience_s(self, method: str) -> float:
        """How long a check waits for a method: the manifest's own limit, and what a busy machine adds."""
        limits = self.who.limits
        own = {"train": limits.train_timeout_s, "learn": limits.train_timeout_s}.get(
            method, limits.call_timeout_s
        )
        return own + GRACE_S + SLOW_MACHINE

    def drain(self, for_s: float) -> None:
        """Takes in what comes unasked."""
        until = time.monotonic() + for_s
        while (left := until - time.monotonic()) > 0:
            try:
                line = self.channel.receive(left)
            except EndedError:
                return
            if line is None:
                return
            self._understand(line)

    def _take(self, sent: bytes, timeout_s: float) -> None:
        try:
            line = self.channel.receive(timeout_s)
        except EndedError as error:
            raise SilentError(sent, self._how(str(error))) from error
        if line is not None:
            self._understand(line)

    def _understand(self, line: bytes) -> None:
        now = time.monotonic()
        try:
            message = msgspec.json.decode(line)
            line.decode()
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self.junk.append(line)
            return
        if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
            self.junk.append(line)
            return
        if isinstance(message.get("method"), str):
            return  # a notification: log, $/progress, or one that is not known
        request_id = message.get("id")
        if type(request_id) is not int or request_id not in self._open or request_id in self._answers:
            self.strays.append(line)
            return
        sent, began = self._open[request_id]
        error = message.get("error")
        self._answers[request_id] = Answer(
            sent, line, now - began, message.get("result"), error if isinstance(error, dict) else None
        )

    def _how(self, what: str) -> str:
        ended = self.channel.wait_exit(0.5)
        if ended is None:
            return what
        last = self.channel.log()[-3:]
        said = f"; the end of its log: {' | '.join(last)}" if last else ""
        return f"{what}; its process has ended ({ended}){said}"
