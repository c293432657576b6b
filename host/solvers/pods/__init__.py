"""Pods of one request onto its nodes, by the placement policies, under the rules of the request.

Small problems are solved on lists, others on the columns of host/solvers/placement, with the same policies. Knows
nothing of requests' wire form, plugins or clocks. Numpy is imported on the way to columns only.
May import: solvers.ruled, solvers.placement, solvers.stop, plugin_sdk.contract. Start reading at: solve.py.
"""
