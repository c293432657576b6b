"""What a spawner's process runs: `python -I -S program.py CONTROL_FD PARENT_PID [--preload MODULE,...]`.

With `-S` it is the plain spawner. Without, and with modules to preload, it is a zygote: children that run the
SDK's runner in process start with those modules loaded.
"""

import gc
import importlib
import os
import signal
import sys


def main(arguments: "list[str]") -> None:
    """Serves launches until the host has gone."""
    # The script's own folder is not on the path (-I), nor is there a site (-S): the host's parent folder is what
    # `host` is found in. Children that run in process must not find it.
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    root = os.path.dirname(os.path.dirname(os.path.dirname(here)))  # noqa: PTH120
    sys.path.insert(0, root)
    from host.process.spawner.serve import serve
    from host.sandbox.confine.sequence import become
    from host.sandbox.confine.session import reset_signals
    from host.sandbox.kernel.libc import fork_with

    if "--preload" in arguments:
        _preload(arguments)
        from host.sandbox.confine.inprocess import prepare
        from host.sandbox.confine.pages import collapse

        prepare()  # with all of the host's modules loaded, which it takes note of
        _settle()
        with open("/proc/self/maps") as file:  # noqa: PTH123
            collapse(file.read())
    # Here and not in each child, where it would take half a millisecond. An interrupt from a terminal is the host's.
    reset_signals()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path.remove(root)
    serve(int(arguments[0]), int(arguments[1]), fork_with, become)


def _preload(arguments: "list[str]") -> None:
    at = arguments.index("--preload") + 1
    modules = arguments[at].split(",")
    for name in modules:
        try:
            importlib.import_module(name)
        except ImportError as error:
            # A plugin that needs it will say so itself; the others lose nothing.
            print(f"zygote: {name} is not preloaded: {error}", file=sys.stderr)
        if len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208
            # A fork has one thread only, and would wait for ever for what the others hold. So without it: whoever
            # needs it loads it for himself.
            package = name.partition(".")[0]
            print(f"zygote: {package} is not preloaded: {name} starts threads", file=sys.stderr)
            arguments[at] = ",".join(each for each in modules if each.partition(".")[0] != package)
            os.execv(sys.executable, [sys.executable, "-I", "-B", __file__, *arguments])


def _settle() -> None:
    gc.collect()
    gc.freeze()  # a collection in a child would write to, and so copy, every page with an object
    gc.disable()


if __name__ == "__main__":
    main(sys.argv[1:])
