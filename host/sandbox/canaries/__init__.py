"""Attacks in miniature that the doctor performs on this machine: in the sandbox, and without it.

Knows nothing of manifests' contents or of reports. May import: what its room may. Start reading at: table.py, which
says what is tried; program.py is what tries it, and runs inside of the sandbox; trial.py runs it there and here.
"""
