"""Runs one program, ends it, and never leaks it.

From a LaunchSpec to a process with three pipes, an exit that is known the instant it happens, and a report of
how it ended. `LocalLauncher` (child.py) holds a program by its process alone; `SandboxLauncher` (launcher.py) has a
spawner make it, attends it while it confines itself, and lets it go. Knows nothing of JSON-RPC, of plugins or of what
a sandbox is made of: that is lent to it. A launcher on another machine would satisfy the same `Launcher` interface.
May import: clock, rate, errors, tasks, telemetry. Start reading at: spec.py, child.py, then launcher.py and attempt.py.
"""
