"""The folder of private folders: one host's at a time, and empty when a host begins."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
from pathlib import Path

from host.errors import ConfigError

log = logging.getLogger(__name__)


class ScratchRoom:
    """Claimed by `claim`, given back by `close`. The kernel lets go of it when the host dies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = -1

    def claim(self) -> None:
        """Takes the folder and clears away what a host that was killed left in it.

        Raises:
            ConfigError: Another host uses it, or it cannot be used at all.
        """
        try:
            lock = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise ConfigError(
                f"the folder {self._folder} cannot be used: {error.strerror or error}"
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            raise ConfigError(
                f"another host uses {self._folder}; give this one a --data folder of its own"
            ) from error
        self._lock = lock
        left = list(self._folder.iterdir())
        for each in left:
            shutil.rmtree(each, ignore_errors=True)
        if left:
            log.info("scratch.cleared", extra={"folder": str(self._folder), "left": len(left)})

    def close(self) -> None:
        """Lets another host have it."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
