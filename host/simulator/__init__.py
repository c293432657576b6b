"""Back-tests: plays public traces in virtual time under the built-ins, and under plugins as production runs them.

Knows tasks, cases, what is asked of a plugin and how results are compared; nothing of gateways or of the engine's
requests. A task is pure: it yields each question and is sent the answer, so it runs without any plugin in its tests.
May import: app and everything below it. Start reading at: play.py, then tasks/binpack.py, drive.py and run.py.
"""
