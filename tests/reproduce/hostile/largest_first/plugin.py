"""The largest and longest jobs first: the worst order that is easy to think of."""


class LargestFirst:
    def score(self, task, candidates):
        return [job["requestedTime"] * job["procs"] for job in candidates]
