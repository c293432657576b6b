"""Answers a plugin's alarms: calls that no honest plugin makes are refused, and the host learns their names."""

from __future__ import annotations

from host.sandbox.seccomp.listener import let_pass, receive, refuse


class AlarmTaker:
    """Takes the alarms of one plugin."""

    def __init__(self, let_exec: bool) -> None:
        # The sandbox's own exec comes first: nothing of the author's has run before it.
        self._let_exec = let_exec

    def __call__(self, listener: int) -> str | None:
        """Takes one alarm from the readable *listener*; the call's name when it was a forbidden one.

        Raises:
            OSError: The listener is of no use any more.
        """
        attempt = receive(listener)
        if attempt is None:
            return None
        if attempt.syscall == "execve" and self._let_exec:
            self._let_exec = False
            let_pass(listener, attempt)
            return None
        refuse(listener, attempt)
        return attempt.syscall
