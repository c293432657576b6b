"""Results for people: a page that needs nothing else, with plots as SVG, and the same plots as PNG.

Knows summaries and outcomes; nothing of how they came about. May import: of the simulator summary and outcome, errors.
Start reading at: files.py, then svg.py.
"""
