"""The order of the steps, from a fresh fork to the program; each fails closed, by its name.

Theory of operation. The host holds one end of the status socket. The child joins its group, waits until the host has seen its namespaces (`BORN`), leaves itself behind as
init, process 1 of its pid namespace, and goes on as a fork of itself, which is to become the program. It says nothing and waits
until the host gives it its plan. It then gives up, step by step, what it must not have. Confined, it says so, and waits
again (`RUN`) while the host looks at the kernel's own account of it. Only then does the first line of the
author's code run. A step that fails ends the child, and the host is told which and why.
"""

import base64
import json
import os
import signal
import socket
import traceback

from host.sandbox.confine import session
from host.sandbox.confine.identity import give_up_privileges, take_ids
from host.sandbox.confine.init import watch_over
from host.sandbox.confine.landlock import restrict
from host.sandbox.confine.limits import be_nice, set_limits
from host.sandbox.confine.mounts import build_root, open_sources
from host.sandbox.kernel.libc import prctl
from host.sandbox.seccomp.install import FILTER_FLAG_NEW_LISTENER, FILTER_FLAG_TSYNC, bind_pid, install

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

BORN = b"born"
RUN = b"run"
EXIT_FAILED = 1
EXIT_NOT_CONFINED = 126
EXIT_NOT_RUN = 127
PR_SET_CHILD_SUBREAPER = 36
_UMASK = 0o077
_WORD_BYTES = 256 * 1024  # a plan is the longest


class NotConfinedError(Exception):
    """A step could not be done; its name is the first argument, the reason the second."""


def become(descriptors: "list[int]", birth: "dict[str, Any]") -> None:
    """Confines this fresh child as the host's plan says and runs the plan's program; never returns.

    Args:
        descriptors: stdin, stdout, stderr, the status socket, and what this process joins its group by.
        birth: What of the plan the process above the program needs.
    """
    code = EXIT_NOT_CONFINED
    try:
        # First of all: what is charged to the group is charged from here on. Whether it has worked, the host
        # sees in the kernel's account.
        for group in descriptors[4:]:
            os.write(group, b"0")
        session.take_descriptors(descriptors[:4])
        try:
            program = _confine(birth)
        except NotConfinedError as error:
            _tell({"step": error.args[0], "error": error.args[1]})
            os._exit(EXIT_NOT_CONFINED)
        code = EXIT_FAILED
        program()
    except BaseException:
        # Nothing may unwind into the spawner's own loop, of which this process is a copy.
        traceback.print_exc()
    finally:
        os._exit(code)


def _confine(birth: "dict[str, Any]") -> "Callable[[], None]":
    """All steps; returns what runs the program."""
    facts: dict[str, Any] = {}
    with _Step("session"):
        session.leave_parents_session()
        session.be_first_to_go()
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # which alone the spawner has not as it should be
        os.umask(_UMASK)
    _wait_for(BORN)  # until then its ids mean nothing, and what it forks would be in no group
    parent = _leave_init(birth)
    plan = json.loads(_hear())
    mounts = plan["mounts"]
    with _Step("sources"):
        sources = open_sources(mounts) if mounts else []
    with _Step("ids"):
        if plan["ids"]:
            take_ids(plan["ids"])
    with _Step("mounts"):
        if mounts:
            facts["proc"] = build_root(mounts, sources)
            socket.sethostname("plugin")
    with _Step("limits"):
        set_limits(plan["limits"])
    with _Step("privileges"):
        give_up_privileges(plan["bounding"])
        session.tie_to_parent(parent)  # once more: the kernel has forgotten it with the ids
    with _Step("landlock"):
        if plan["landlock"]:
            restrict(plan["landlock"]["abi"], plan["landlock"]["rules"])
    program = _program(plan["program"])  # before seccomp, so that modules it needs are loaded
    with _Step("nice"):
        be_nice(plan["nice"])  # late: on a busy machine all that comes after it waits its turn
    with _Step("seccomp"):
        if plan["seccomp"]:
            _filter(plan["seccomp"])
    _tell({"ok": facts})
    _wait_for(RUN)
    return program


class _Step:
    """Turns an error inside of the block into a `NotConfinedError` with the step's name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            where = f" ({error.filename})" if error.filename else ""
            raise NotConfinedError(self._name, f"{error.strerror or error}{where}") from error
        if isinstance(error, (ValueError, KeyError, TypeError, AttributeError)):
            raise NotConfinedError(self._name, f"{type(error).__name__}: {error}") from error


def _leave_init(birth: "dict[str, Any]") -> int:
    """Forks: this process becomes init and gives up what it need not have, the child goes on, and gets init's number.

    It comes early, before anything of one plugin is known, so that it can be done before there is one.
    """
    own_pids = birth["own_pids"]
    with _Step("init"):
        if not own_pids:
            prctl(PR_SET_CHILD_SUBREAPER, 1)
        me = os.getpid()
        child = os.fork()
        if child:
            if birth["ids"]:
                take_ids(birth["ids"])
            give_up_privileges(birth["bounding"])
            watch_over(child, own_pids)
        session.tie_to_parent(me)
        session.leave_parents_session()
    return me


def _filter(programs: "dict[str, str]") -> None:
    if programs.get("alarm"):
        listener = install(base64.b64decode(programs["alarm"]), FILTER_FLAG_NEW_LISTENER)
        assert listener is not None
        with socket.socket(fileno=os.dup(session.STATUS_FD)) as status:
            socket.send_fds(status, [json.dumps({"listener": True}).encode()], [listener])
        os.close(listener)  # whoever holds it decides what an alarm leads to
    install(bind_pid(base64.b64decode(programs["main"]), os.getpid()), FILTER_FLAG_TSYNC)


def _program(program: "dict[str, Any]") -> "Callable[[], None]":
    if "runner" in program:
        from host.sandbox.confine.inprocess import run_in_process

        return lambda: run_in_process(program)
    return lambda: _execute(program)


def _execute(program: "dict[str, Any]") -> None:
    argv = program["argv"]
    try:
        os.chdir(program["cwd"])
        os.execvpe(argv[0], argv, program["env"])
    except OSError as error:
        os.write(2, f"cannot run {argv[0]!r}: {error.strerror}\n".encode())
        os._exit(EXIT_NOT_RUN)


def _tell(what: "dict[str, Any]") -> None:
    os.write(session.STATUS_FD, json.dumps(what).encode())


def _wait_for(word: bytes) -> None:
    if _hear() != word:
        os._exit(EXIT_NOT_CONFINED)


def _hear() -> bytes:
    """The host's next word."""
    word = os.read(session.STATUS_FD, _WORD_BYTES)
    if not word:
        os._exit(EXIT_NOT_CONFINED)  # the host has gone, or has thought better of it
    return word
