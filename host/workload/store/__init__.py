"""Points on disk: SQLite in WAL mode, one thread that writes, batches as blocks of columns with their JSON lines.

Knows nothing of plugins or of HTTP. May import: errors, clock, and the SDK's contract.
Start reading at: writer.py, then segment.py and database.py.
"""
