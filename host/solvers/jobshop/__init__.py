"""The job shop: each job visits machines in its own order, a machine does one operation at a time, all ends early.

Knows instances, dispatching rules, tabu search (extra `fast`) and CP-SAT (extra `solve`); nothing of requests or files.
May import: errors, compiling. Start reading at: shop.py, then moves.py, tabu.py, population.py and cp_sat.py.
"""
