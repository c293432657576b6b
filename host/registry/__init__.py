"""Who exists, and who can be asked.

Where the two wings meet: the supervisor writes what is true of each plugin, the engine and the gateway read it,
and neither knows the other. May import: rpc's counts and breakers, process's exit reports, clock,
errors, and the SDK's contract. Start reading at: askable.py, then registry.py.
"""
