"""Whether an answer keeps the rules of its problem, and what it is worth: one module a problem.

Written from the problem's own definition, not from the solvers, so that a mistake there is found here (the
queue's projection is shared: it is a definition). Knows nothing of plugins, requests or clocks.
May import: solvers.projection, solvers.stop, plugin_sdk.contract. Start reading at: table.py, then packing.py.
"""
