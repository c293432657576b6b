"""Which system calls a plugin may make, as bytes the kernel runs before each of them.

A profile says what is allowed; the compiler turns it into classic BPF; the child installs it, and a listener
tells by name what was tried. Knows nothing of plugins, processes or the other layers. The modules a child loads
(install.py, listener.py, syscalls.py) need the standard library alone and import nothing heavy.
May import: kernel. Start reading at: profiles.py, then programs.py.
"""
