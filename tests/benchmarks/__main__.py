"""Runs the named benchmarks, or all: `python -m tests.benchmarks [--json] [NAME...]`."""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys

import tests.benchmarks


def main() -> int:
    """Runs them one after the other; a benchmark is a module `bench_NAME` with `run() -> dict`."""
    modules = [module.name for module in pkgutil.iter_modules(tests.benchmarks.__path__)]
    names = [name.removeprefix("bench_") for name in modules if name.startswith("bench_")]
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(names)}")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    args = parser.parse_args()
    for name in args.names:
        if name not in names:
            parser.error(f"there is no benchmark {name!r}; there are: {', '.join(names)}")
    results = {}
    for name in args.names or names:
        print(f"== {name}", file=sys.stderr, flush=True)
        results[name] = importlib.import_module(f"tests.benchmarks.bench_{name}").run()
        if not args.json:
            for key, value in results[name].items():
                print(f"{name:10} {key:48} {value}", flush=True)
    if args.json:
        print(json.dumps(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
