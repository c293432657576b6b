"""Real processes under the real filters: code runs free once (the positive control), then once more confined.

As a module it starts such a process and reads its account; as a script it is that process. With `nobody` it drops
root for 65534 between the two runs; modules are imported by the first, since an interpreter under root's home can
no longer be read after that.
"""

from __future__ import annotations

import ctypes
import dataclasses
import json
import os
import resource
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT)) if __name__ == "__main__" else None

from host.sandbox.seccomp.install import (  # noqa: E402
    FILTER_FLAG_NEW_LISTENER,
    FILTER_FLAG_TSYNC,
    bind_pid,
    install,
)
from host.sandbox.seccomp.profiles import SeccompProfile  # noqa: E402
from host.sandbox.seccomp.programs import build  # noqa: E402
from host.sandbox.seccomp.syscalls import this_arch  # noqa: E402

BOUND_S = 60.0  # the machine may be busy; scikit-learn alone takes seconds to import
NOBODY = 65534
PR_SET_NO_NEW_PRIVS = 38
IDENTITIES = ["root", "nobody"] if os.geteuid() == 0 else ["itself"]


@dataclass(frozen=True)
class Ended:
    """What came of one process.

    Attributes:
        code: Its exit code; minus the signal that killed it.
        free, confined: What the code left in `result` in each run; None where it did not come so far.
    """

    code: int
    free: Any
    confined: Any
    errors: str


def orders(
    profile: SeccompProfile,
    code: str,
    identity: str,
    *,
    free: bool = True,
    data_bytes: int | None = None,
    program: bytes | None = None,
    listener: int | None = None,
) -> str:
    """The script's argument.

    Args:
        code: Sets `result`, something JSON can hold. Runs with `confined` telling which run it is.
        free: Whether it runs without the filter first.
        data_bytes: RLIMIT_DATA, in both runs.
        program: Instead of the profile's main program.
        listener: Where the listener is sent, a socket that the process inherits.
    """
    return json.dumps(
        {
            "profile": dataclasses.asdict(profile),
            "code": textwrap.dedent(code),
            "nobody": identity == "nobody",
            "free": free,
            "data_bytes": data_bytes,
            "program": program.hex() if program is not None else None,
            "listener": listener,
        }
    )


def command(text: str) -> list[str]:
    """How the script is started."""
    return [sys.executable, str(Path(__file__)), text]


def run(profile: SeccompProfile, code: str, identity: str, **more: Any) -> Ended:
    """Runs *code* free and confined in one process. Nobody listens; see `listening` for the alarm."""
    profile = dataclasses.replace(profile, listener=False)
    text = orders(profile, code, identity, **more)
    done = subprocess.run(command(text), capture_output=True, text=True, timeout=BOUND_S, check=False)
    return _account(done.returncode, done.stdout, done.stderr)


def listening(
    profile: SeccompProfile, code: str, identity: str, listen: Callable[[int], None], **more: Any
) -> Ended:
    """Like `run`, with the alarm program; *listen* is called with the listener's descriptor, which it closes."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            text = orders(profile, code, identity, listener=theirs.fileno(), **more)
            process = subprocess.Popen(
                command(text),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                pass_fds=[theirs.fileno()],
            )
        ours.settimeout(BOUND_S)
        _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
        try:
            if descriptors:
                listen(descriptors[0])
            out, err = process.communicate(timeout=BOUND_S)
        finally:
            process.kill()
            process.wait()
    return _account(process.returncode, out, err)


def _account(code: int, out: str, err: str) -> Ended:
    said = [json.loads(line) for line in out.splitlines() if line.startswith('{"run"')]
    results = {each["run"]: each["result"] for each in said}
    return Ended(code, results.get("free"), results.get("confined"), err)


def confine(wanted: dict[str, Any]) -> None:
    """What the sandbox's last steps do: other ids, no new privileges, the alarm program, the main program."""
    profile = SeccompProfile(**wanted["profile"])
    if wanted["nobody"]:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    if ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError("no_new_privs")
    if wanted["listener"] is not None:
        with socket.socket(fileno=wanted["listener"]) as host:
            listener = install(build(profile, this_arch(), alarm=True), FILTER_FLAG_NEW_LISTENER)
            assert listener is not None
            socket.send_fds(host, [b"l"], [listener])
            os.close(listener)
    program = build(profile, this_arch(), alarm=False)
    if wanted["program"] is not None:
        program = bytes.fromhex(wanted["program"])
    install(bind_pid(program, os.getpid()), FILTER_FLAG_TSYNC)


def main() -> None:
    """Runs the code free, confines this process, runs it again."""
    wanted = json.loads(sys.argv[1])
    if wanted["data_bytes"] is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (wanted["data_bytes"], wanted["data_bytes"]))
    code = compile(wanted["code"], "<code>", "exec")
    kept: dict[str, Any] = {}
    for name in ("free", "confined") if wanted["free"] else ("confined",):
        if name == "confined":
            confine(wanted)
        scope: dict[str, Any] = {"confined": name == "confined", "kept": kept}
        exec(code, scope)
        print(json.dumps({"run": name, "result": scope.get("result")}), flush=True)


if __name__ == "__main__":
    main()
