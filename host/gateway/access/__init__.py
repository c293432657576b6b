"""Who is calling, what they may do, and how often.

Tokens, roles, rate limits and the record of changes. Knows nothing of methods and routes beyond the role each asks
for. May import: clock, errors, the SDK's contract. Start reading at: roles.py, then tokens.py.
"""
