"""What a plugin may touch.

Turns a manifest and a SandboxPolicy into a LaunchSpec. Knows nothing of JSON-RPC and starts nothing.
May import: process, errors, and the SDK's contract. Start reading at: sandbox.py.
"""
