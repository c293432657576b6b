"""Virtual environments for plugins that ask for Python packages of their own.

Installs wheels and nothing else: no code of a package runs before the plugin that asked for it does, in its sandbox.
Knows nothing of plugins' lives. May import: process, and the modules beside it. Start reading at: store.py;
requirements.py and wheels.py say what is refused, installers.py what is run.
"""
