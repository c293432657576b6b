"""The job shop: each job visits machines in its own order, a machine does one operation at a time, all ends early.

Knows instances, dispatching rules and CP-SAT (extra `solve`); nothing of requests or files.
May import: errors. Start reading at: shop.py, then cp_sat.py.
"""
