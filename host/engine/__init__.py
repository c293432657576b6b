"""A question in, the best checked answer out, by its deadline, whatever the plugins do.

Knows nothing of processes, HTTP or how history is kept. May import: solvers, registry, clock, errors,
plugin_sdk.contract. Start reading at: engine.py, then ask.py and strategies.py.
"""
