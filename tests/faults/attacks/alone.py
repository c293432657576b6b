"""Performs one attack by itself: `python -I -S alone.py ID`, the scene as one line of JSON on stdin.

Prints the result as one line of JSON, and then waits for the end of stdin: what it holds is held until the world was
looked at.
"""

# Plain calls: pathlib would be half of its start.
# ruff: noqa: PTH100, PTH120

import json
import os
import sys


def main() -> None:
    """One attack."""
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    from attacks.everything import perform  # type: ignore[import-not-found]

    scene = json.loads(sys.stdin.readline())
    os.chdir(scene["folder"])
    result = perform(sys.argv[1], scene)
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
