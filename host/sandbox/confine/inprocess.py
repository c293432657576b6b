"""Runs the SDK's runner in a fork of a zygote, as if the interpreter had been started for it alone."""

import gc
import importlib
import os
import signal
import sys
import time
import types

from host.sandbox.confine import session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


_hosts_own: "list[str]" = []  # names of loaded modules
_pools: "list[Any]" = []  # what sets the thread counts of libraries that are loaded


def run_in_process(program: "dict[str, Any]") -> None:
    """Serves the plugin until the process ends.

    Args:
        program: `runner` (arguments of plugin_sdk.runner), `env`, `cwd`, `threads`.
    """
    os.chdir(program["cwd"])
    os.environ.clear()
    os.environ.update(program["env"])
    time.tzset()
    _open_streams()
    _take_signals()
    _use_threads(program["threads"])
    _forget_the_host()
    arguments = program["runner"]
    sys.argv = ["plugin_sdk.runner", *arguments]
    # What pickles by reference to __main__ must not find the spawner's.
    sys.modules["__main__"] = types.ModuleType("__main__")
    os.close(session.STATUS_FD)
    gc.enable()
    # By name, as `python -m` would: the host itself never runs it.
    runner = importlib.import_module("plugin_sdk.runner.__main__")
    code = runner.main(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _open_streams() -> None:
    """New ones, as at an interpreter's start: the zygote's remember what kind of file theirs were."""
    for descriptor, name, mode, errors in (
        (0, "stdin", "r", "surrogateescape"),
        (1, "stdout", "w", "surrogateescape"),
        (2, "stderr", "w", "backslashreplace"),
    ):
        line_by_line = 1 if descriptor == 2 else -1
        stream = open(descriptor, mode, line_by_line, "utf-8", errors, closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _take_signals() -> None:
    """As an interpreter has them at its start."""
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_IGN)  # then write() says what is wrong
    signal.signal(signal.SIGINT, signal.default_int_handler)


def prepare() -> None:
    """To be called once in the zygote, when all is loaded: what its children need not look for again.

    To look through `sys.modules` in a child would write to, and so copy, the page of every module's name: 34 ms
    with scikit-learn loaded.
    """
    _hosts_own.extend(name for name in sys.modules if name == "host" or name.startswith("host."))
    if "threadpoolctl" in sys.modules:
        _pools.append(sys.modules["threadpoolctl"].ThreadpoolController())


def _use_threads(threads: int) -> None:
    """The zygote's libraries were loaded with one thread each; a plugin may be granted more."""
    if threads > 1:
        for pool in _pools:
            pool.limit(limits=threads)


def _forget_the_host() -> None:
    """Takes the host's own modules away: a plugin may have a module of the same name, and needs none of ours."""
    for name in _hosts_own:
        del sys.modules[name]
