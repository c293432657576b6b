"""The methods of `/rpc` and `/ws`: a name, typed parameters, a role, and one call on the `HostApi`.

Knows nothing of HTTP. May import: the gateway's own parts. Start reading at: table.py, then spec.py.
"""
