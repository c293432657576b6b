"""Users and requested times for jobs drawn from a model that has neither. This part is ours.

Sizes and run times stay sample by sample what they were; what is added is who sends them, in which order,
and what they ask for. Similar samples become one *application* of one user, sent in sessions, as real logs
show. Users over-estimate, each in a way of their own, and ask for round times.

Source: Feitelson, Workload Modeling for Computer Systems Performance Evaluation (2015), ch. 6 and 8
(popularity, locality of sampling); Mu'alem and Feitelson, IEEE TPDS 12(6), 2001 (user estimates); Tsafrir,
Etsion and Feitelson, "Modeling user runtime estimates", JSSPP 2005 (round values).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

_MINUTE, _HOUR = 60.0, 3600.0
ROUND_S = (
    *(minutes * _MINUTE for minutes in (1, 2, 5, 10, 15, 20, 30, 45)),
    *(hours * _HOUR for hours in (1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 24, 36, 48, 60, 72, 96, 120)),
)
"""Seconds that people ask for."""

STRAYS = 0.15  # of the jobs are sent by someone with no such job before or after: one-offs and failures
LONGEST_APPLICATION = 40  # jobs; the lengths are log-uniform up to it
SESSION_GAP = 2.5  # other jobs, on average, that come between two of one session
CAREFUL = 0.25  # of the users ask for little more than they need


@dataclass(frozen=True)
class SentJob:
    """A drawn job with its user; times in seconds."""

    procs: int
    run_s: float
    user: str
    requested_s: float


def round_up_s(seconds: float) -> float:
    """The smallest time people ask for that is at least this long; whole days beyond the table."""
    for each in ROUND_S:
        if each >= seconds:
            return each
    return math.ceil(seconds / (24 * _HOUR)) * 24 * _HOUR


def attribute(drawn: Sequence[tuple[int, float]], chance: random.Random) -> list[SentJob]:
    """The same (size, run time) pairs, each with a user and a requested time, in the order they are sent."""
    count = len(drawn)
    users = max(4, round(math.sqrt(count) * 1.5))
    popularity = [1.0 / rank for rank in range(1, users + 1)]  # Zipf
    generosity = [_generosity(chance) for _ in range(users)]
    sent: list[tuple[float, int, SentJob]] = []
    for application in _applications(drawn, chance):
        owner = chance.choices(range(users), popularity)[0]
        longest = max(run for _, run in application)
        asked = round_up_s(longest * generosity[owner])
        place = chance.uniform(0, count)
        for size, run in application:
            user, requested = owner, asked
            if chance.random() < STRAYS:
                user = chance.randrange(users)
                requested = round_up_s(run * generosity[user])
                at = chance.uniform(0, count)
            else:
                place += chance.expovariate(1 / SESSION_GAP)
                at = place
            sent.append((at, len(sent), SentJob(size, run, f"u{user + 1}", requested)))
    sent.sort(key=lambda each: each[:2])
    return [job for _, _, job in sent]


def _generosity(chance: random.Random) -> float:
    """How many times the run time of their longest such job a user asks for."""
    if chance.random() < CAREFUL:
        return 1.0 + chance.uniform(0.0, 0.3)
    return 1.0 / max(0.05, chance.random())  # accuracy is about uniform in (0, 1), as the logs show


def _applications(drawn: Sequence[tuple[int, float]], chance: random.Random) -> list[list[tuple[int, float]]]:
    """Neighbours in size and run time, in lots of 1 to `LONGEST_APPLICATION`; each lot in random order."""
    ordered = sorted(drawn)
    lots: list[list[tuple[int, float]]] = []
    at = 0
    while at < len(ordered):
        length = int(math.exp(chance.uniform(0.0, math.log(LONGEST_APPLICATION + 1))))
        lot = [pair for pair in ordered[at : at + length] if pair[0] == ordered[at][0]]
        at += len(lot)
        chance.shuffle(lot)
        lots.append(lot)
    return lots
