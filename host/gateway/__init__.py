"""HTTP in and out: JSON-RPC 2.0 at /rpc, and the seed's REST routes.

Turns bytes into one call on a `HostApi` and what comes back, or is raised, into bytes again.
Knows nothing of engines, registries and processes. May import: what is passed through
as it is (registry's views and events, workload's `Selection`), telemetry, tasks, errors, plugin_sdk.contract.
Start reading at: api.py, then envelope.py, dispatch.py, http.py.
"""
