"""What is seen of the host from outside: log lines and figures.

Knows nothing of what it is that is counted. May import: errors. Start reading at: logs.py.
"""
