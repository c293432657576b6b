"""Replays a log of parallel jobs on a machine of equal processors, second by second, under a backfilling scheduler.

Knows jobs as columns and the rules of the published schedulers; nothing of requests, plugins or files. Whoever
predicts run times or orders the queue from outside is answered to between two steps. Needs numpy, so it is imported
where it is used; `numba` (extra `fast`) makes it a hundred times faster and changes no result.
May import: errors. Start reading at: rules.py, then replay.py, then engine.py (the loop itself).
"""
