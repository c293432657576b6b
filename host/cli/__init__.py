"""The `engine-ops` command.

Reads arguments, calls one function or one method of a running host, shows what came back. Knows nothing
of how any of it is done. May import: app, demo, errors, telemetry, each inside the command that needs it, so that
`--help` stays quick. Start reading at: main.py.
"""
