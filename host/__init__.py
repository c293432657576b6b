"""The host: finds plugins, keeps them alive, asks them and its own solvers, and always has an answer.

Rooms, from the front door down: cli | demo, simulator, workbench | app, gateway | engine, solvers, workload | registry |
supervisor, rpc, sandbox, process | traces, telemetry, tasks, clock, errors. Start reading at: app.py, then serving.py.
"""

__version__ = "0.1.0"
