"""An author's workbench: makes a plugin's folder, checks, measures, packs and tries it, without a host around it.

The plugin runs in the real sandbox and is spoken to in the real protocol; the checks are the SDK's, which know neither.
Knows nothing of the gateway, the engine's strategies, the history. May import: engine's checks, solvers, supervisor's
folder, rpc's recordings, sandbox, process, clock, errors, and the SDK with its testing room.
Start reading at: bench.py, then check.py.
"""
