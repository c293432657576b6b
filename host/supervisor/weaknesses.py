"""What of a plugin that can be asked is weaker than it should be, and why; pure."""

from __future__ import annotations


class Weaknesses:
    """By what is weak: a method's circuit, a successor that does not come up, a folder that is refused."""

    def __init__(self) -> None:
        self._why: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._why)

    def __str__(self) -> str:
        return "; ".join(self._why.values())

    def note(self, what: str, why: str) -> bool:
        """Takes *why* down for *what*; false when that was known."""
        known = self._why.get(what) == why
        self._why[what] = why
        return not known

    def forget(self, what: str) -> bool:
        """That is over; false when it was nothing."""
        return self._why.pop(what, None) is not None
