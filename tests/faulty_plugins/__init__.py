"""Peers that misbehave, each in one way of its own; `tests/faults/table.py` says what is promised of each."""
