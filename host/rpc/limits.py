"""What one plugin may hold of the host, what it may send, and how long it may not answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Fault = Literal["hang", "protocol", "flood"]


@dataclass(frozen=True)
class ClientLimits:
    """How much one plugin may hold of the host, what it may send, and how long it may not answer.

    Attributes:
        in_flight, queued: Calls sent and unanswered; calls waiting for a place.
        frame_bytes: Of one message, either way.
        depth: Arrays and objects inside each other in one message.
        unsent_bytes: Of requests the plugin does not read; over it, calls are refused.
        grace_s: From a passed deadline to the verdict that it hangs.
        junk_lines: Lines on stdout that are no messages, before it is given up.
        messages_per_s: Lines that are not the answer to an open call: notifications, junk, empty lines, answers to
            nobody; a long one counts once more for each 8 KiB. More ends the plugin, as with the next two.
        bytes_per_s: Of all it writes to stdout, over as many as it was sent in that second.
        log_bytes_per_s: Of all it writes to stderr.
        heartbeat_s: Without a word from it, and with no call open, it is asked whether it lives.
    """

    in_flight: int = 4
    queued: int = 16
    frame_bytes: int = 8 * 1024 * 1024
    depth: int = 128
    unsent_bytes: int = 16 * 1024 * 1024
    grace_s: float = 2.0
    junk_lines: int = 1000
    messages_per_s: int = 1000
    bytes_per_s: int = 64 * 1024 * 1024
    log_bytes_per_s: int = 4 * 1024 * 1024
    heartbeat_s: float = 10.0
