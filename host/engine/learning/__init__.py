"""What the outcomes say about who advised what: weights, intervals, and whether advice is followed at all.

Decides from values alone: what was advised, what came of it, and `now`. Knows nothing of calls, processes or where
outcomes come from. May import: engine.checks, solvers, plugin_sdk.contract. Start reading at: ledger.py, then
hedge.py, conformal.py, guard.py.
"""
