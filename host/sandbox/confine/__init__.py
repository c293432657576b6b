"""The steps by which a fresh child gives up what it must not have, before any of the author's code runs.

Runs in the child of a spawner (`python -I -S`), so it imports the standard library and `kernel` alone; its orders
are a plan made by `host.sandbox.plan`. Knows nothing of manifests. May import: kernel, seccomp's installer.
Start reading at: sequence.py, which holds the order; program.py is what the spawner's process runs.
"""
