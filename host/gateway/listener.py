"""The socket that is listened on, and how one host takes over from another without a refused connection.

Theory of operation. Every host binds with SO_REUSEPORT, but first tries to bind without it, so that two hosts do not
share a port by accident. One that takes over skips that try, joins the group of the port, and has the kernel send
each new connection to itself. The old one is then told to stop: it still accepts what had come to it, so nothing is
lost when its socket closes.

Source: socket(7), SO_REUSEPORT and SO_ATTACH_REUSEPORT_CBPF; net/core/sock_reuseport.c (a program's number that no
socket has falls back to the kernel's own choice).
"""

from __future__ import annotations

import ctypes
import logging
import socket
import struct

log = logging.getLogger(__name__)

SO_ATTACH_REUSEPORT_CBPF = 51
_RETURN_CONSTANT = 0x06  # BPF_RET | BPF_K
BACKLOG = 1024


def listener(address: str, port: int, *, take_over: bool = False) -> socket.socket:
    """A bound socket on *address* and *port*.

    Raises:
        OSError: It cannot be bound.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    if not take_over and port:
        with _socket(family) as trial:
            trial.bind((address, port))
    made = _socket(family)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind((address, port))
        if take_over:
            made.listen(BACKLOG)
            _receive_everything(made)
    except OSError:
        made.close()
        raise
    return made


def _socket(family: socket.AddressFamily) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    made.setblocking(False)
    return made


def _receive_everything(made: socket.socket) -> None:
    """Has the kernel choose the second socket of the group, this one, for each new connection."""
    instruction = ctypes.create_string_buffer(struct.pack("HBBI", _RETURN_CONSTANT, 0, 0, 1))
    program = struct.pack("HL", 1, ctypes.addressof(instruction))
    try:
        made.setsockopt(socket.SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, program)
    except OSError as error:
        # Then the kernel spreads them over both, and those to the old one are answered while it drains.
        log.warning("gateway.not_steered", extra={"why": error.strerror})
