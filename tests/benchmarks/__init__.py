"""Measurements, each against its floor in the same run: `make bench`, or `python -m tests.benchmarks NAME...`."""
