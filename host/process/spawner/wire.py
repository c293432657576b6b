"""What host and spawner say to each other: one JSON object a datagram, with descriptors beside it.

To the spawner: `{"launch": id, "flags": namespaces, "map": ids or null, ...}` with stdin, stdout, stderr, the status socket,
and what the child joins its group by.
The child's plan does not pass through here: the host gives it to the child itself, over the status socket, so that a
spawner keeps nothing of one plugin that a later child could find in its memory.
From it: `{"ready": pid}` once; `{"launched": id, "pid": n}` with a pidfd, or `{"failed": id, "step": s, "error": e}`;
later `{"exited": id, "status": wait status, "cpu_s": x, "rss_bytes": n}`.
"""

import array
import json
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MESSAGE_BYTES = 128 * 1024  # below the kernel's default for what one datagram may hold
_DESCRIPTORS = 16


class TooLargeError(Exception):
    """What was to be sent does not fit a datagram."""


def encode(message: "dict[str, Any]") -> bytes:
    """The datagram.

    Raises:
        TooLargeError: It has more than `MESSAGE_BYTES`.
    """
    data = json.dumps(message, separators=(",", ":")).encode()
    if len(data) > MESSAGE_BYTES:
        raise TooLargeError(f"{len(data)} bytes, at most {MESSAGE_BYTES} can be sent")
    return data


def send(channel: socket.socket, message: "dict[str, Any]", descriptors: "list[int] | None" = None) -> None:
    """Sends one message.

    Raises:
        OSError: The other side has gone, or, on a non-blocking socket, is behind.
        TooLargeError: See `encode`.
    """
    socket.send_fds(channel, [encode(message)], descriptors or [])


def receive(channel: socket.socket) -> "tuple[dict[str, Any] | None, list[int]]":
    """One message and its descriptors, which are closed on exec; `None` when the other side has gone."""
    room = socket.CMSG_SPACE(_DESCRIPTORS * 4)
    try:
        # Not socket.recv_fds: it forgets the flags, and the descriptors would be inherited by whatever is exec'd.
        data, ancillary, _, _ = channel.recvmsg(MESSAGE_BYTES, room, socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:  # it has gone without reading all that we said
        return None, []
    descriptors = array.array("i")
    for level, kind, value in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(value[: len(value) - len(value) % descriptors.itemsize])
    return (json.loads(data) if data else None), list(descriptors)
