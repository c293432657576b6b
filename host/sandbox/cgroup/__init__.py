"""Groups of processes whose memory, tasks and processor time the kernel counts and caps.

Finds out what this machine lets us write (cgroup v2 delegated, cgroup v1, or nothing), makes a group for each
plugin, and clears up after hosts that died. Knows nothing of plugins or of how processes are started.
May import: process (the shapes in group.py), errors. Start reading at: manager.py; what is decided from
values alone is in membership.py, settings.py, accounts.py and budget.py.
"""
