"""The tasks, a module each: load the data, name the cases, play one.

Knows traces and built-in solvers; nothing of processes. May import: solvers, traces, errors, and of the simulator play and
guard. Start reading at: table.py, then binpack.py.
"""
