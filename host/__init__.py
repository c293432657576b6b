"""The host: finds plugins, keeps them alive, asks them and its own solvers, and always has an answer.

Rooms, from the front door down: cli, app, gateway, demo | engine, solvers, workload | registry |
supervisor, rpc, sandbox, process | clock, errors, tasks, telemetry. Start reading at: app.py.
"""

__version__ = "0.1.0"
