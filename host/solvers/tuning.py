"""What to try next: an even spread at first, then steps from the best so far, shorter the longer nothing better is found.

Everything happens in the unit cube, one coordinate a parameter: a logarithmic range is even in its logarithm,
an integer owns an equal stretch, and so does a choice. The same problem always gets the same suggestions.

Source: for the spread see halton.py; for the steps Rechenberg (1973), Evolutionsstrategie: one parent, and a
step that shrinks while steps fail.
"""

from __future__ import annotations

import math
import random
import zlib
from collections.abc import Iterator
from itertools import islice, product

from host.solvers.halton import ScrambledHalton
from host.solvers.stop import Stop, never
from plugin_sdk.contract.problems.tuning import (
    Parameter,
    ParamValue,
    Suggestion,
    TuningAnswer,
    TuningProblem,
    allows,
)

SPREAD_MIN = 8  # observations before steps are taken, at least
SPREAD_PER_PARAMETER = 3  # and as many for each parameter
STEP_FIRST = 0.25  # of a range, standard deviation
STEP_LAST = 0.004
STEP_SHRINK = 0.9  # for each observation since the best one, spread over the parameters
ATTEMPTS = 40  # at a setting that was not tried yet
LISTED_SPACE = 4096  # settings; a space no larger is listed when chance finds nothing new in it

_Setting = dict[str, ParamValue]


def space_filling_local_search(problem: TuningProblem, out_of_time: Stop = never) -> TuningAnswer:
    """`count` settings; none that was tried before or stands twice, as long as there are others."""
    names = "\n".join(parameter.name for parameter in problem.parameters)
    seed = zlib.crc32(names.encode("utf-8", "surrogatepass"))
    sequence = ScrambledHalton(len(problem.parameters), seed)
    rng = random.Random(seed + len(problem.observations))
    tried = {_key(problem, seen.params) for seen in problem.observations}
    parent = _parent(problem)
    unseen: Iterator[_Setting] | None = None
    suggestions: list[Suggestion] = []
    for number in range(problem.count):
        index = len(problem.observations) + number
        setting = None
        for attempt in range(1 if out_of_time() else ATTEMPTS):
            if index < spread_size(problem):
                # Attempts beyond the first look further down the same sequence, past what later calls will use.
                setting = _at(problem, sequence.point(index + attempt * spread_size(problem)))
            else:
                setting = _step(problem, parent, rng, attempt)
            if _key(problem, setting) not in tried:
                break
        else:
            unseen = unseen or _unseen(problem, rng, tried)
            setting = next(unseen, setting)
        assert setting is not None  # at least one attempt was made
        tried.add(_key(problem, setting))
        suggestions.append(Suggestion(setting))
    return TuningAnswer(suggestions, problem.best())


def spread_size(problem: TuningProblem) -> int:
    """How many observations belong to the even spread."""
    return max(SPREAD_MIN, SPREAD_PER_PARAMETER * len(problem.parameters))


def _parent(problem: TuningProblem) -> tuple[_Setting, float] | None:
    """The best setting so far, and the width of a step from it as a share of a range; `None` before any."""
    best = problem.best()
    if best is None:
        return None
    since = len(problem.observations) - 1 - problem.observations.index(best)
    return best.params, max(STEP_LAST, STEP_FIRST * STEP_SHRINK ** (since / len(problem.parameters)))


def _step(
    problem: TuningProblem, parent: tuple[_Setting, float] | None, rng: random.Random, attempt: int
) -> _Setting:
    """A setting near the parent; further away with each attempt that found nothing new."""
    if parent is None:  # many were asked for at once before anything was observed
        return _at(problem, [rng.random() for _ in problem.parameters])
    best, width = parent
    # A third of the parameters moves, and one in any case: good values of the others are kept.
    moving = {rng.randrange(len(problem.parameters))}
    moving |= {i for i in range(len(problem.parameters)) if rng.random() < 1 / 3}
    setting: _Setting = {}
    for i, parameter in enumerate(problem.parameters):
        value = best[parameter.name]
        if i in moving:
            value = _moved(parameter, value, width * (1 + attempt / 4), rng)
        setting[parameter.name] = value
    return setting


def _moved(parameter: Parameter, value: ParamValue, width: float, rng: random.Random) -> ParamValue:
    if parameter.kind == "choice":
        others = [each for each in parameter.choices or [] if each != value]
        return rng.choice(others) if others else value
    at = _coordinate(parameter, float(value)) + rng.gauss(0.0, width)
    # Reflected at the ends of the range, so that the ends themselves get no more than their share.
    at = abs(at) % 2.0
    moved = _value(parameter, 2.0 - at if at > 1.0 else at)
    if moved != value or parameter.kind == "float":
        return moved
    neighbour = int(value) + rng.choice((-1, 1))  # the step was too short for the next integer
    return neighbour if allows(parameter, neighbour) else moved


def _at(problem: TuningProblem, point: list[float]) -> _Setting:
    return {
        parameter.name: _value(parameter, at) for parameter, at in zip(problem.parameters, point, strict=True)
    }


def _value(parameter: Parameter, at: float) -> ParamValue:
    """The value at a coordinate in [0, 1]."""
    if parameter.kind == "choice":
        choices = parameter.choices or []
        return choices[min(int(at * len(choices)), len(choices) - 1)]
    low, high = _range(parameter)
    if parameter.kind == "int":
        low, high = low - 0.5, high + 0.5
    if parameter.log:
        found = math.exp(math.log(low) * (1.0 - at) + math.log(high) * at)
    else:
        found = low * (1.0 - at) + high * at  # not low + at * (high - low): the difference may overflow
    low, high = _range(parameter)
    found = min(max(round(found) if parameter.kind == "int" else found, low), high)
    return int(found) if parameter.kind == "int" else found


def _coordinate(parameter: Parameter, value: float) -> float:
    """The coordinate of a value, in [0, 1]."""
    low, high = _range(parameter)
    if parameter.log:
        low, high, value = math.log(low), math.log(high), math.log(value)
    if high == low:
        return 0.5
    return (value / 2 - low / 2) / (high / 2 - low / 2)  # halves: the difference of the wholes may overflow


def _range(parameter: Parameter) -> tuple[float, float]:
    assert parameter.low is not None and parameter.high is not None  # parse_tuning saw to it
    return parameter.low, parameter.high


def _key(problem: TuningProblem, setting: _Setting) -> tuple[tuple[bool, ParamValue], ...]:
    # true and 1 are different choices; 3 and 3.0 are the same integer.
    return tuple((isinstance(setting[each.name], bool), setting[each.name]) for each in problem.parameters)


def _unseen(
    problem: TuningProblem, rng: random.Random, tried: set[tuple[tuple[bool, ParamValue], ...]]
) -> Iterator[_Setting]:
    """What was not tried yet, in an order of chance, when the space is small enough to list; else nothing."""
    axes: list[list[ParamValue]] = []
    size = 1
    for parameter in problem.parameters:
        if parameter.kind == "choice":
            axes.append(list(parameter.choices or []))
            size *= len(axes[-1])
        else:
            low, high = _range(parameter)
            stretch = (
                int(high) - int(low) + 1
                if parameter.kind == "int"
                else (1 if low == high else LISTED_SPACE + 1)
            )
            size *= stretch
            if size <= LISTED_SPACE:
                axes.append([int(low) + i for i in range(stretch)] if parameter.kind == "int" else [low])
        if size > LISTED_SPACE:
            return
    settings = [
        dict(zip((each.name for each in problem.parameters), values, strict=True))
        for values in islice(product(*axes), size)
    ]
    rng.shuffle(settings)
    for setting in settings:
        if _key(problem, setting) not in tried:
            yield setting
