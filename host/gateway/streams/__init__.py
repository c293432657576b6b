"""Events as they happen, to whoever listens: over WebSocket and as server-sent events.

A hub numbers and keeps them, a subscription is a bounded queue in front of one reader, and a slow reader loses
events (and is told how many) rather than costing the host memory or time. May import: the gateway's own parts,
registry's events, telemetry, tasks. Start reading at: hub.py, then websocket.py.
"""
