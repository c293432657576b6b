"""One small single-threaded process that makes others, so that the host never forks.

A fork of the host would cost its size and, with threads, deadlock. The spawner is asked over a socket, passes the
program's descriptors on, and says how its children ended. It dies with the host, as they do; they live on without it. Runs as
`python -I -S`, so it imports the standard library alone; what a child does is handed in (`host.sandbox.confine`).
May import: nothing of the project. Start reading at: serve.py; wire.py is what is said.
"""
