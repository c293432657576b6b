"""The shortest jobs first for a while, to gain something, then the largest, for as long as what was gained lasts; and again."""

GOOD, BAD = 2_000, 500  # orders


class FlipFlop:
    def __init__(self):
        self.orders = 0

    def score(self, task, candidates):
        self.orders += 1
        sign = -1.0 if self.orders % (GOOD + BAD) < GOOD else 1.0
        return [sign * job["requestedTime"] * job["procs"] for job in candidates]
