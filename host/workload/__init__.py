"""History: what was asked and what came of it; recorded, queried, counted, and handed to plugins to learn from.

Knows nothing of problems or objectives. May import: registry's `Askable`, clock, errors, tasks, telemetry, and the
SDK's contract. Start reading at: history.py, then store/writer.py and teacher.py.
"""
