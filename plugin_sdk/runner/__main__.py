"""`python -P -m plugin_sdk.runner --entry module:attribute --folder DIR`, with the folder as working directory."""

from __future__ import annotations

import sys

from plugin_sdk.runner.claim import claim_stdio

USAGE = "usage: python -P -m plugin_sdk.runner --entry module:attribute --folder DIR"
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130  # what a shell shows for SIGINT


def main(arguments: list[str]) -> int:
    """Serves one plugin until the host says goodbye or goes away; the process ends inside of `serve`."""
    if len(arguments) != 4 or sorted(arguments[::2]) != ["--entry", "--folder"]:
        print(USAGE, file=sys.stderr)
        return EXIT_USAGE
    options = dict(zip(arguments[::2], arguments[1::2], strict=True))
    # Before the imports below: they are the SDK's own, but one of them may yet print, or find a module of
    # that name in the author's folder where the interpreter was started without -P.
    wire = claim_stdio()

    from pathlib import Path

    from plugin_sdk.runner.serve import Server

    folder = Path(options["--folder"]).resolve()
    try:
        return Server(wire, options["--entry"], folder).run()
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
