"""Logs of batch jobs, read from public formats or drawn from a published model.

Turns a file or a seed into a `Trace`: jobs with submit time, run time, size and user. Knows nothing of
schedulers, requests or plugins. May import: errors. Start reading at: job.py, then load.py.
"""
