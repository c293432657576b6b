"""The built-in solvers: pure functions from a typed problem to a typed answer.

What the host falls back on, and what a plugin has to beat. Knows nothing of plugins, requests or clocks.
May import: errors, plugin_sdk.contract. Start reading at: builtins.py, then packing.py and projection.py.
"""
