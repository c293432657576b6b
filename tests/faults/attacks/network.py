"""Attacks on the network: every family of sockets that leads somewhere, and local ones that lead to other processes."""

import ctypes
import os
import socket

from .registry import ROOT, Held, attack, unless

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .registry import Scene

_WITHIN_S = 2.0


@attack("network.tcp-connect", judged="outside", stopped_by="landlock namespaces seccomp")
def tcp_connect(scene: "Scene") -> str:
    """connects to a service on the loopback"""
    with socket.create_connection(("127.0.0.1", scene["tcp_port"]), _WITHIN_S) as channel:
        channel.sendall(b"attack")
    return "sent"


@attack("network.tcp-listen", stopped_by="landlock seccomp")
def tcp_listen(scene: "Scene") -> str:
    """listens on a port"""
    with socket.socket() as channel:
        channel.bind(("127.0.0.1", 0))
        channel.listen()
        return f"port {channel.getsockname()[1]}"


@attack("network.tcp6-connect", judged="outside", machine="ipv6", stopped_by="landlock namespaces seccomp")
def tcp6_connect(scene: "Scene") -> str:
    """connects to a service over IPv6"""
    with socket.create_connection(("::1", scene["tcp6_port"]), _WITHIN_S) as channel:
        channel.sendall(b"attack")
    return "sent"


@attack("network.fast-open", judged="outside", stopped_by="namespaces seccomp")
def fast_open(scene: "Scene") -> str:
    """sends with the first packet, so that connect(2) is never called"""
    with socket.socket() as channel:
        channel.settimeout(_WITHIN_S)
        channel.sendto(b"attack", socket.MSG_FASTOPEN, ("127.0.0.1", scene["tcp_port"]))
    return "sent"


@attack("network.udp", judged="outside", stopped_by="namespaces seccomp")
def udp(scene: "Scene") -> str:
    """sends a datagram"""
    with socket.socket(type=socket.SOCK_DGRAM) as channel:
        channel.sendto(b"attack", ("127.0.0.1", scene["udp_port"]))
    return "sent"


@attack("network.name-query", judged="outside", stopped_by="namespaces seccomp")
def name_query(scene: "Scene") -> str:
    """asks a name server, by which data can leave in names"""
    query = b"\x12\x34\x01\x00\x00\x01" + bytes(6) + b"\x06secret\x07invalid\x00\x00\x01\x00\x01"
    with socket.socket(type=socket.SOCK_DGRAM) as channel:
        channel.connect(("127.0.0.1", scene["udp_port"]))
        channel.send(query)
    return "asked"


@attack("network.raw", control=ROOT, stopped_if_root="base")
def raw(scene: "Scene") -> str:
    """makes packets of its own"""
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()
    return "made"


@attack("network.packets", control=ROOT, stopped_if_root="base")
def packets(scene: "Scene") -> str:
    """listens to all packets"""
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
    return "made"


@attack("network.netlink", stopped_by="seccomp")
def netlink(scene: "Scene") -> str:
    """asks the kernel for its interfaces and routes"""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as channel:
        channel.settimeout(_WITHIN_S)
        # RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP
        channel.send(b"\x11\x00\x00\x00\x12\x00\x01\x03\x01\x00\x00\x00\x00\x00\x00\x00\x00")
        return f"{len(channel.recv(65536))} bytes"


@attack("network.unix-path", judged="outside", stopped_by="mounts seccomp")
def unix_path(scene: "Scene") -> str:
    """connects to a socket in the file system, as a database or a container engine has"""
    with socket.socket(socket.AF_UNIX) as channel:
        channel.connect(scene["unix_path"])
        channel.sendall(b"attack")
    return "sent"


@attack("network.unix-abstract", judged="outside", stopped_by="landlock namespaces seccomp")
def unix_abstract(scene: "Scene") -> str:
    """connects to a socket with an abstract name, which no file permission guards"""
    with socket.socket(socket.AF_UNIX) as channel:
        channel.connect("\0" + scene["unix_abstract"])
        channel.sendall(b"attack")
    return "sent"


@attack("network.unix-datagram-pair", judged="outside", stopped_by="mounts seccomp")
def unix_datagram_pair(scene: "Scene") -> str:
    """sends to a named socket from one end of a datagram pair, for which no socket(2) is needed"""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other:
        one.sendto(b"attack", scene["unix_datagram"])
    return "sent"


@attack("network.unix-squat", judged="outside", stopped_by="namespaces seccomp")
def unix_squat(scene: "Scene") -> str:
    """takes an abstract name that the host may want"""
    channel = socket.socket(socket.AF_UNIX)
    channel.bind("\0" + scene["unix_squat"])
    channel.listen()
    _held.append(channel)
    return "taken"


@attack("network.vsock", machine="AF_VSOCK", stopped_by="seccomp")
def vsock(scene: "Scene") -> str:
    """makes a socket to the machine's hypervisor"""
    socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).close()
    return "made"


@attack("network.crypto", machine="AF_ALG")
def crypto(scene: "Scene") -> str:
    """makes a socket to the kernel's ciphers, a part of it with a past"""
    with socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET) as channel:
        channel.bind(("hash", "sha256"))
    return "made"


@attack(
    "network.pair-of-inet",
    control="none",
    why_not="Linux has no such pairs; the filter must refuse before it asks",
)
def pair_of_inet(scene: "Scene") -> str:
    """makes a socket pair that is not local"""
    socket.socketpair(socket.AF_INET, socket.SOCK_STREAM)
    return "made"


@attack("network.reconnect-pair", judged="outside", stopped_by="mounts seccomp")
def reconnect_pair(scene: "Scene") -> str:
    """connects one end of an allowed datagram pair anew, to a named socket"""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other:
        one.connect(scene["unix_datagram"])
        one.send(b"attack")
    return "sent"


@attack("network.bring-up-loopback", control=ROOT, stopped_if_root="base")
def bring_up_loopback(scene: "Scene") -> str:
    """configures a network interface: sets the loopback's flags to what they are"""
    import fcntl

    with socket.socket(type=socket.SOCK_DGRAM) as channel:
        request = bytearray(b"lo".ljust(16, b"\0") + bytes(24))
        fcntl.ioctl(channel, 0x8913, request)
        fcntl.ioctl(channel, 0x8914, request)
    return "set"


@attack("network.by-name", judged="outside", stopped_by="landlock namespaces seccomp")
def by_name(scene: "Scene") -> str:
    """connects with libc's own calls, past Python's"""
    libc = ctypes.CDLL(None, use_errno=True)
    channel = libc.socket(2, 1, 0)
    if channel < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    address = b"\x02\x00" + scene["tcp_port"].to_bytes(2, "big") + bytes([127, 0, 0, 1]) + bytes(8)
    if libc.connect(channel, address, 16):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    unless(libc.send(channel, b"attack", 6, 0) == 6, "not sent")
    return "sent"


@attack("network.environment-proxy", control="none", why_not="it is about what is not there")
def environment_proxy(scene: "Scene") -> str:
    """finds a proxy in its environment"""
    found = [name for name in os.environ if name.lower().endswith("_proxy")]
    if not found:
        raise Held("no proxy is named")
    return " ".join(found)


_held: "list[socket.socket]" = []
