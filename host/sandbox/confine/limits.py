"""The kernel's limits on one process, and its place in the queue for the processor."""

import os
import resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def set_limits(limits: "dict[str, Any]") -> None:
    """Sets each limit, soft and hard, by its name in `resource`; never above the hard limit that is there.

    Raises:
        OSError, ValueError: The kernel refused one.
    """
    for name, value in limits.items():
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        wanted = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (wanted, wanted))


def be_nice(nice: int) -> None:
    """Adds *nice* to the priority number."""
    if nice:
        os.nice(nice)
