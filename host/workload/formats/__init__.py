"""Points of history as files of others read and write them: NDJSON, CSV, the seed's JSON, Parquet, Arrow.

Written a bounded number of points at a time, and read so. Knows nothing of a running host. May import:
errors, and the SDK's contract. Start reading at: table.py, then writing.py.
"""
