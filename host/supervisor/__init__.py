"""One task a plugin: start, watch, restart, give up.

Finds plugin folders, starts what is in them, keeps it running, and writes into the registry who can be asked.
Knows nothing of requests and answers. May import: registry, rpc, sandbox, process, workload's saved states,
clock, errors, tasks.
Start reading at: lifecycle.py, then keeper.py.
"""
