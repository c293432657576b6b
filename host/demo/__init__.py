"""The main job, shown: replays a workload through a real host and its plugins, and says what happened.

A client of the host like any other: it starts one as a child process and talks to it over HTTP. Knows
nothing of how the host works inside. May import: solvers (for the built-in alone), traces, errors.
Start reading at: main.py, then replay.py.
"""
