"""Typed calls over a byte stream: one plugin's pipes as `await client.call(...)`.

Deadlines, cancels, backpressure, budgets and circuit breakers live here; what the methods mean does not. May import:
clock, rate, errors, tasks, telemetry and the SDK's contract and protocol. Start reading at: client.py.
"""
