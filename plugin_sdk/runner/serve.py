"""The loop of a plugin's process: read, answer, write; and the ways out of it.

Theory of operation. The main thread runs the author's code, one call at a time and in order, and does the reading
and writing around it. `Standby` reads in its place while it is away. `train` has a thread of its own. A call is
in `_pending` from when it is read until it is answered; whoever takes it out of there answers it, so that each is
answered once. The process ends by `os._exit`: an author's forgotten thread cannot keep it alive.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import UNSET, UnsetType

from plugin_sdk.awaiting import close_loop
from plugin_sdk.context import Call
from plugin_sdk.contract.errors import ErrorCode
from plugin_sdk.contract.messages import CancelParams, InitializeParams, ProgressParams
from plugin_sdk.failures import (
    CancelledCallError,
    DrainingError,
    EntryError,
    NotInitializedError,
    ParamsError,
    RepeatedInitializeError,
    ResultTooLargeError,
    describe_failure,
    is_authors,
)
from plugin_sdk.handlers import Handlers
from plugin_sdk.protocol.connection import Connection, ConnectionLimits, Role, Step
from plugin_sdk.protocol.events import Event, Junk, NotificationReceived, RequestReceived
from plugin_sdk.protocol.framing import FrameTooLargeError
from plugin_sdk.protocol.wire import encode_json, result_bytes
from plugin_sdk.runner.claim import Wire
from plugin_sdk.runner.loading import load_entry
from plugin_sdk.runner.outbox import Outbox
from plugin_sdk.runner.seeding import seed_random
from plugin_sdk.runner.standby import Standby

READ_BYTES = 65536  # larger reads cost an mmap each
HOLD_S = 0.001  # an answer waits this long at most for others to share its write
GOODBYE_S = 2.0  # for queued work, and again for the author's shutdown(), once the host has gone
PATIENCE_S = 30.0  # for queued work when stdin has ended but stdout is still read, as in a shell's pipeline
LAST_TRAINING_S = 1.0  # that `shutdown` lets an open training finish in; the host waits 2 s in all
EXIT_OK = 0
EXIT_FAILED = 1

_decode_initialize = msgspec.json.Decoder(InitializeParams).decode
_decode_cancel = msgspec.json.Decoder(CancelParams).decode


class Server:
    """Serves one plugin over a pair of descriptors."""

    def __init__(self, wire: Wire, entry: str, folder: Path) -> None:
        self.busy = False  # the main thread is away from reading
        self.reads = 0
        self.read_lock = threading.Lock()
        self._reading = wire.reading
        self._entry = entry
        self._folder = folder
        self._connection = Connection(Role.PLUGIN, ConnectionLimits())
        self._frame_bytes = ConnectionLimits().frame_bytes
        self._out = Outbox(wire.writing)
        self._queue: deque[Call] = deque()
        self._pending: dict[int | str, Call] = {}
        self._handlers: Handlers | None = None
        self._progress_sender = self._progress
        self._ended = False
        self._standby = Standby(self, wire.reading)
        self._writing = wire.writing
        self._trains: queue.Queue[Call] = queue.Queue()
        self._trainer: threading.Thread | None = None

    def run(self) -> int:
        """Serves until the stream ends. Does not return after `shutdown`: the process has ended."""
        standby, calls, out = self._standby, self._queue, self._out
        while self._hear_a_call():
            if standby.asleep:
                standby.rouse()
            self._run_call(calls.popleft())
            if calls:
                self._run_calls()
            out.flush()
        self._leave(EXIT_OK)
        return EXIT_OK

    # --- reading: by the main thread, or by the standby in its place, under the read lock

    def hear(self) -> bool:
        """See `Listened`. Called by the standby while the main thread works."""
        data = os.read(self._reading, READ_BYTES)
        if not data:
            self._ended = True
            self._exit_when_unheard()  # main may never come back
            return False
        self._take(data)
        self._out.flush()
        return True

    def flush(self) -> None:
        """See `Listened`."""
        self._out.flush()

    def _hear_a_call(self) -> bool:
        self.busy = False
        if self._standby.reading:
            self._standby.give_back()
            self.read_lock.acquire()  # the standby sees that nobody is busy, and lets go
            self.read_lock.release()
        calls = self._queue
        while not calls:
            if self._ended:
                return False
            data = os.read(self._reading, READ_BYTES)
            self.reads += 1
            if not data:
                self._ended = True
                return False
            self._take(data)
            if not calls:
                self._out.flush()
        self.busy = True
        return True

    def _take(self, data: bytes) -> None:
        arrived = time.monotonic()
        connection = self._connection
        if connection.is_lone(data):
            message = connection.plain_request(data)
            if message is not None:
                self._on_request(message.id, message.method, message.params, arrived)
                return
        try:
            lines = connection.lines(data)
        except FrameTooLargeError as error:
            self._say(connection.error(None, ErrorCode.FRAME_TOO_LARGE, str(error)))
            _log(f"the host sent what cannot be read on from: {error}")
            os._exit(EXIT_FAILED)
        for line in lines:
            message = connection.plain_request(line)
            if message is not None:
                self._on_request(message.id, message.method, message.params, arrived)
            else:
                self._on_other(connection.event(line), arrived)

    def _on_other(self, event: Event | None, arrived: float) -> None:
        if type(event) is RequestReceived:
            self._on_request(event.id, event.method, event.params, arrived)
        elif type(event) is NotificationReceived:
            if event.method == "$/cancelRequest":
                self._cancel(event.params)
        elif type(event) is Junk:
            _log(f"a line from the host was skipped, {event.why}: {event.quote!r}")
            if event.code is not None:
                self._out.add(self._connection.error(None, event.code, event.why))

    def _on_request(
        self, request_id: int | str, method: str, params: msgspec.Raw | UnsetType | None, arrived: float
    ) -> None:
        if method == "ping":
            self._out.add(self._connection.result(request_id, b"{}"))
        elif request_id in self._pending:
            message = f"request {request_id!r} is open already; give each request an id of its own"
            self._out.add(self._connection.error(None, ErrorCode.INVALID_REQUEST, message))
        else:
            given = None if params is UNSET else params
            call = Call(request_id, method, given, arrived, send_progress=self._progress_sender)
            self._pending[request_id] = call
            self._queue.append(call)

    def _cancel(self, params: msgspec.Raw | None) -> None:
        try:
            given_up = _decode_cancel(params if params is not None else b"{}").id
        except msgspec.DecodeError as error:
            _log(f"a $/cancelRequest was skipped: {error}")
            return
        call = self._pending.get(given_up)
        if call is not None:
            call.cancelled = True

    # --- answering

    def _run_calls(self) -> None:
        calls, out = self._queue, self._out
        flushed = time.monotonic()
        while calls:
            self._run_call(calls.popleft())
            now = time.monotonic()
            if now - flushed > HOLD_S:
                out.flush()
                flushed = now

    def _run_call(self, call: Call) -> None:
        handlers = self._handlers
        try:
            if call.cancelled:
                raise CancelledCallError("cancelled before it was begun")
            if handlers is None:
                self._first_call(call)
                return
            own = _OWN_METHODS.get(call.method)
            if own is not None:
                own(self, call)
                return
            result = handlers.answer(call)
            if call.cancelled:
                raise CancelledCallError("cancelled while it ran")
            if len(result) > self._frame_bytes:
                raise self._too_large(result)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit too: an author's sys.exit() is no reason to drop calls
            self._fail(call, error)
            return
        if self._pending.pop(call.id, None) is not None:
            self._out.add(result_bytes(call.id, result))

    def _first_call(self, call: Call) -> None:
        if call.method == "shutdown":
            self._shutdown(call)
        if call.method != "initialize":
            raise NotInitializedError(f"{call.method} came before initialize; send initialize first")
        try:
            params = _decode_initialize(call.params if call.params is not None else b"{}")
        except msgspec.DecodeError as error:
            raise ParamsError(f"the parameters of initialize cannot be read: {error}") from error
        try:
            seed_random(params.seed)
            handlers = Handlers(load_entry(self._entry, self._folder), params)
            answer = encode_json(handlers.initialized())
        except KeyboardInterrupt:
            raise
        except (
            BaseException
        ) as error:  # whatever an author's module and constructor raise, sys.exit() included
            self._connection.step(Step.REFUSED)
            self._fail(call, error)
            self._out.flush()
            os._exit(EXIT_FAILED)
        _show_logging()
        self._handlers = handlers
        self._frame_bytes = params.limits.frame_bytes
        self._connection.limit_frames(params.limits.frame_bytes)
        self._connection.step(Step.INITIALIZED)
        self._pending.pop(call.id, None)
        self._say(self._connection.result(call.id, answer))

    def _initialize_again(self, call: Call) -> None:
        raise RepeatedInitializeError("initialize came a second time; it is sent once")

    def _shutdown(self, call: Call) -> None:
        self._pending.pop(call.id, None)
        self._wait_for_training()
        for other in list(self._pending.values()):
            self._fail(other, DrainingError("the plugin is shutting down"))
        self._connection.step(Step.SHUTDOWN)
        self._let_go()
        self._say(self._connection.result(call.id, b"{}"))
        _end(EXIT_OK)

    def _fail(self, call: Call, error: BaseException) -> None:
        if self._pending.pop(call.id, None) is None:
            return
        if call.cancelled:  # whatever came of it, and cancelling may well have been why
            error = CancelledCallError("cancelled")
        code, message, data = describe_failure(error)
        if is_authors(error) or isinstance(error, EntryError):
            _log_traceback(error, call.method)
        self._out.add(self._connection.error(call.id, code, message, data))

    def _too_large(self, result: bytes) -> ResultTooLargeError:
        return ResultTooLargeError(
            f"the result has {len(result)} bytes, the host takes {self._frame_bytes}; send less"
        )

    def _say(self, line: bytes) -> None:
        self._out.add(line)
        self._out.flush()

    # --- training, in a thread of its own

    def _train(self, call: Call) -> None:
        self._trains.put(call)
        if self._trainer is None:
            self._trainer = threading.Thread(target=self._train_all, name="plugin_sdk.train", daemon=True)
            self._trainer.start()

    def _train_all(self) -> None:
        while True:
            call = self._trains.get()
            try:
                if call.cancelled:
                    raise CancelledCallError("cancelled before it was begun")
                assert self._handlers is not None
                result = self._handlers.answer(call)
            except BaseException as error:  # as in `_run_call`; and this thread is to train the next one too
                self._fail(call, error)
            else:
                if self._pending.pop(call.id, None) is not None:
                    self._out.add(self._connection.result(call.id, result))
            self._out.flush()
            self._trains.task_done()

    def _wait_for_training(self) -> None:
        with self._trains.all_tasks_done:
            self._trains.all_tasks_done.wait_for(lambda: not self._trains.unfinished_tasks, LAST_TRAINING_S)

    def _progress(self, params: ProgressParams) -> None:
        self._say(self._connection.notification("$/progress", params))

    # --- leaving

    def _leave(self, code: int) -> None:
        _exit_after(GOODBYE_S)
        self._wait_for_training()
        self._let_go()
        self._out.flush()
        _end(code)

    def _exit_when_unheard(self) -> None:
        """Ends the process soon after nobody reads its answers any more, or when patience runs out."""

        def watch() -> None:
            poll = select.poll()
            poll.register(self._writing, 0)  # only errors: that the reading end was closed
            poll.poll(PATIENCE_S * 1000)
            time.sleep(GOODBYE_S)
            os._exit(EXIT_OK)

        threading.Thread(target=watch, name="plugin_sdk.watch", daemon=True).start()

    def _let_go(self) -> None:
        if self._handlers is None:
            return
        try:
            self._handlers.shutdown()
            close_loop()
        except Exception as error:  # the author's; the process ends all the same
            _log_traceback(error, "shutdown")


_OWN_METHODS: dict[str, Callable[[Server, Call], None]] = {
    "initialize": Server._initialize_again,
    "shutdown": Server._shutdown,
    "train": Server._train,
    "backtest": Server._train,
    "adopt": Server._train,
    "save": Server._train,
}


def _exit_after(seconds: float) -> None:
    timer = threading.Timer(seconds, os._exit, (EXIT_OK,))
    timer.daemon = True
    timer.start()


def _end(code: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)


def _log(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        print(f"plugin_sdk: {text}", file=sys.stderr)


def _log_traceback(error: BaseException, method: str) -> None:
    import traceback  # only on the way to an error

    with contextlib.suppress(OSError, ValueError):
        print(f"plugin_sdk: {method} failed", file=sys.stderr)
        traceback.print_exception(error, file=sys.stderr)


def _show_logging() -> None:
    # The library's last resort shows warnings only; an author who logs wants to see it in the log.
    logging = sys.modules.get("logging")
    if logging is not None and not logging.getLogger().handlers:
        logging.basicConfig(
            stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s"
        )
