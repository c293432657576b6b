"""Runs one program, ends it, and never leaks it.

From a LaunchSpec to a process with three pipes, an exit that is known the instant it happens, and a report of
how it ended. Knows nothing of JSON-RPC or of plugins. A launcher on another machine would satisfy the same
`Launcher` interface. May import: clock, errors, tasks, telemetry. Start reading at: spec.py, then child.py.
"""
