"""The `engine-ops` command.

Reads arguments, calls one function or one method of a running host, shows what came back. Knows nothing
of how any of it is done. May import: everything below it, each inside the command that needs it, so that `--help`
stays quick. Start reading at: main.py.
"""
