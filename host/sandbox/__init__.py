"""What a plugin may touch, and what holds it to that.

Turns a manifest and a SandboxPolicy into a LaunchSpec with a plan, on ground of what this machine was found to
offer; carries the plan out in the child (confine), and checks the kernel's own account of it (attest). Knows
nothing of JSON-RPC. May import: process, clock, errors, tasks, and the SDK's contract.
Start reading at: sandbox.py, then plan.py and confine/sequence.py.
"""
