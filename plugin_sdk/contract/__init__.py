"""What is said: messages, problems, answers, manifest and workload points, as typed structs.

The one vocabulary of plugin, host and caller. Knows nothing of how it is carried (that is `protocol`).
May import: msgspec and the standard library. Start reading at: messages.py.
"""
