"""What a start costs: a confined scikit-learn plugin to its first answer, and the sandbox over a plain process.

All that is compared alternates in one run, so that a noisy machine hits all alike. Goals: forked at least 50 times
faster than exec'd, at most 3 times `python -I -S -c pass`, and at most 8 ms over `subprocess.Popen`.
"""

from __future__ import annotations

import statistics
from typing import Any

from tests.benchmarks.starting import Yard, empty_interpreter, ms, plain_first_answer, yard

ROUNDS = 40
SLOW_ROUNDS = 7  # exec'd, scikit-learn takes a second or more


async def _measure(place: Yard) -> dict[str, Any]:
    forked, script = place.spec("science", forked=True), place.script()
    fitted = place.spec("fitted", forked=True)
    execed = place.spec("science", forked=False)
    await place.first_answer(forked)  # the zygote's own start, once in a host's life
    await place.first_answer(script)
    await place.first_answer(execed)  # the files are read from disk once
    program = place.folders["stdlib"] / "plugin.py"
    times: dict[str, list[float]] = {
        "empty": [],
        "forked": [],
        "fitted": [],
        "execed": [],
        "plain": [],
        "confined": [],
    }
    for number in range(ROUNDS):
        times["empty"].append(empty_interpreter())
        times["forked"].append(await place.first_answer(forked))
        times["fitted"].append(await place.first_answer(fitted))
        times["plain"].append(plain_first_answer(program))
        times["confined"].append(await place.first_answer(script))
        if number < SLOW_ROUNDS:
            times["execed"].append(await place.first_answer(execed))
    at = {name: statistics.median(each) for name, each in times.items()}
    over = statistics.median(c - p for c, p in zip(times["confined"], times["plain"], strict=True))
    return {
        "tier": place.opened.sandbox.tier,
        "scikit-learn, exec'd in the sandbox, ms": ms(at["execed"]),
        "scikit-learn, forked into the sandbox, ms": ms(at["forked"]),
        "exec'd / forked (goal 50 or more)": round(at["execed"] / at["forked"], 1),
        "python -I -S -c pass, ms": ms(at["empty"]),
        "forked / python -c pass (goal 3 or less)": round(at["forked"] / at["empty"], 2),
        "the same with a model that it fits and asks, forked, ms": ms(at["fitted"]),
        "stdlib program, subprocess.Popen, ms": ms(at["plain"]),
        "stdlib program, exec'd in the sandbox, ms": ms(at["confined"]),
        "the sandbox over Popen, ms (goal 8 or less)": ms(over),
    }


async def _run() -> dict[str, Any]:
    async with yard() as place:
        return await _measure(place)


def run() -> dict[str, Any]:
    """The figures, on uvloop as the host runs."""
    import uvloop

    return uvloop.run(_run())
