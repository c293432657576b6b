"""The kernel's doors that Python has no name for: raw system calls through ctypes.

Runs in processes started as `python -I -S`, so it imports the standard library alone. Knows nothing of plugins
or plans. May import: nothing of the project. Start reading at: libc.py.
"""
