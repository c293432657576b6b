"""Random shops."""

from __future__ import annotations

import random

from host.solvers.jobshop.shop import Operation, Shop


def some_shop(seed: int, jobs: int = 5, machines: int = 4) -> Shop:
    chance = random.Random(seed)
    rows = []
    for _ in range(jobs):
        order = list(range(machines))
        chance.shuffle(order)
        rows.append(tuple(Operation(machine, chance.randrange(1, 20)) for machine in order))
    return Shop(f"s{seed}", tuple(rows), machines)
