"""Pods onto nodes with shared and whole GPUs: the published heuristics, over columns of nodes.

Knows shapes of pods, columns of nodes and how each heuristic ranks them; nothing of requests, traces or plugins.
Every module here needs numpy, so whoever uses the room imports it where it is used. `numba` (extra `fast`) makes
the fragmentation measure about ten times faster and changes no result.
May import: errors, and within solvers nothing else. Start reading at: shapes.py, nodes.py, placer.py, then fgd.py.
"""
