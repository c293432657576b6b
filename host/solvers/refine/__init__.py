"""CP-SAT on packing and placement: starts from an answer in hand and looks for a better one, or proves there is none.

Runs in a process of its own (worker.py), which its owner may kill at any moment: a search in the host would hold its
threads. Needs `ortools` (extra `solve`). Knows nothing of plugins, requests or the event loop.
May import: solvers.stop, plugin_sdk.contract. Start reading at: task.py, then model.py and worker.py.
"""
