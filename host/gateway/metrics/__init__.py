"""Figures for Prometheus: counted as calls go by, and read from the host when somebody asks.

Every label has a bounded set of values: names of plugins up to a number, then `(other)`. May import: the gateway's
`HostApi`, the SDK's contract. Start reading at: figures.py, then plugins.py.
"""
