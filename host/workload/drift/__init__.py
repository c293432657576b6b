"""Whether what is recorded is still distributed as it was: a test per feature, and for the error of predictions.

Knows nothing of plugins. May import: history, exam, tasks, and the SDK's contract.
Start reading at: watch.py, then adwin.py.
"""
