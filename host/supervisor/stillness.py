"""Whether a folder that changed has come to rest, so that one that is being copied is not started half-way. Pure."""

from __future__ import annotations

from collections.abc import Hashable


class Stillness:
    """Remembers since when each folder has looked as it does.

    A folder is still when its files say so (nothing in them changed for `still_s`, by the file system's clock), or when
    it has looked the same for that long. The second alone would do, but takes its time with folders that were
    whole all along; the first alone would trust a clock that may have been set back.
    """

    def __init__(self, still_s: float) -> None:
        self._still_s = still_s
        self._since: dict[Hashable, tuple[object, float]] = {}

    def wait_s(self, name: Hashable, looks: object, changed_ns: int, now: float, wall_ns: int) -> float:
        """How long to wait until *name* is still, as far as is known now; 0 when it is.

        Args:
            looks: Compared with how it looked before; `None` for one that is gone.
            changed_ns: When its files last changed; 0 when that is not known.
            now, wall_ns: A monotonic clock, and the file system's.
        """
        before = self._since.get(name)
        if before is None or before[0] != looks:
            before = self._since[name] = (looks, now)
        by_looks = before[1] + self._still_s - now
        age_s = (wall_ns - changed_ns) / 1e9
        by_files = self._still_s - age_s if changed_ns and age_s >= 0 else self._still_s
        return max(0.0, min(by_looks, by_files))

    def forget(self, name: Hashable) -> None:
        """It was taken as it is, or is of no interest any more."""
        self._since.pop(name, None)
