"""`python -m tests.reproduce [NAME...]`: plays again what was published and writes docs/reference/results.md."""

from __future__ import annotations

import argparse
import shutil
import sys

from tests.reproduce.page import write
from tests.reproduce.published import REFDATA, ROOT
from tests.reproduce.sections import SECTIONS
from tests.reproduce.tasks import Keep, StoppedEarlyError

KEPT = ROOT / "build" / "reproduce"
STOPPED = 130  # what a shell says of Ctrl-C


def main() -> int:
    """Plays what is named, or all; the exit code is 1 when a number that must come out does not."""
    known = {letter: section for section in SECTIONS for letter in (section.letter.lower(), section.name)}
    parser = argparse.ArgumentParser(prog="make reproduce", description=__doc__)
    shown = ", ".join(f"{section.letter} ({section.name})" for section in SECTIONS)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {shown}")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes at once")
    parser.add_argument("--anew", action="store_true", help="forget what an earlier run has played")
    args = parser.parse_args()
    for name in args.names:
        if name.lower() not in known:
            parser.error(f"there is no section {name!r}; give {shown}")
    if not REFDATA.is_dir():
        print(f"no reference data at {REFDATA}; set ENGINE_OPS_REFDATA to their folder", file=sys.stderr)
        return 2
    if args.anew:
        shutil.rmtree(KEPT, ignore_errors=True)
    wanted = [known[name.lower()] for name in args.names] or SECTIONS
    failed = []
    for section in wanted:
        print(f"== {section.letter}. {section.title}", file=sys.stderr, flush=True)
        try:
            text, broken = section.play(Keep(KEPT, args.jobs))
        except (StoppedEarlyError, KeyboardInterrupt):
            print("stopped early; the same command goes on from here", file=sys.stderr)
            return STOPPED
        write({f"{section.letter}. {section.title}": text}, ROOT / "docs" / "reference" / "results.md")
        failed += [f"{section.name}: {each}" for each in broken]
    for each in failed:
        print(f"NOT REPRODUCED: {each}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
