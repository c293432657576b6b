"""The shortest jobs first until it has earned some trust, then the largest."""

TRUSTED_AFTER = 20_000  # orders


class Turncoat:
    def __init__(self):
        self.orders = 0

    def score(self, task, candidates):
        self.orders += 1
        sign = -1.0 if self.orders < TRUSTED_AFTER else 1.0
        return [sign * job["requestedTime"] * job["procs"] for job in candidates]
