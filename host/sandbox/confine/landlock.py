"""Landlock: rules about files, TCP, devices, abstract sockets and signals that the process cannot take off again.

Source: Linux Documentation/userspace-api/landlock.rst, include/uapi/linux/landlock.h.
"""

import os
import stat
import struct

from host.sandbox.kernel.libc import syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_VERSION_FLAG = 1
_PATH_BENEATH = 1

EXECUTE = 1 << 0
WRITE_FILE = 1 << 1
READ_FILE = 1 << 2
READ_DIR = 1 << 3
REFER = 1 << 13
TRUNCATE = 1 << 14
IOCTL_DEV = 1 << 15
RESOLVE_UNIX = 1 << 16
_FS_OF_ABI_1 = (1 << 13) - 1  # execute, write, read, list, and all ways to remove and make
_FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
_MAKE_NODE = 1 << 6 | 1 << 11  # character and block devices
_READ = READ_FILE | READ_DIR
_TCP = 0b11  # bind and connect
_NO_LOG = 1  # since ABI 7 each refusal is a line in the machine's audit log, which a plugin could so flood
_SCOPES = 0b11  # abstract sockets and signals stay inside

KINDS = {
    "read": _READ,
    "run": _READ | EXECUTE,
    "write": (_FS_OF_ABI_1 | REFER | TRUNCATE) & ~(EXECUTE | _MAKE_NODE),
    "device": READ_FILE | WRITE_FILE,
}


def running_abi() -> int:
    """The kernel's Landlock version; 0 when there is none, or it is switched off."""
    try:
        return syscall("landlock_create_ruleset", None, 0, _VERSION_FLAG)
    except OSError:
        return 0


def handled(abi: int) -> "tuple[int, int, int]":
    """Everything a kernel of this version can forbid: file rights, network rights, scopes."""
    files = _FS_OF_ABI_1
    for since, right in ((2, REFER), (3, TRUNCATE), (5, IOCTL_DEV), (9, RESOLVE_UNIX)):
        if abi >= since:
            files |= right
    return files, _TCP if abi >= 4 else 0, _SCOPES if abi >= 6 else 0


def ruleset_bytes(abi: int) -> bytes:
    """`struct landlock_ruleset_attr`, as long as that version knows it."""
    members = handled(abi)
    return struct.pack("=QQQ", *members)[: 24 if abi >= 6 else 16 if abi >= 4 else 8]


def restrict(abi: int, rules: "Iterable[tuple[str, str]]") -> None:
    """Forbids everything that version *abi* can, but for the rules.

    Args:
        rules: Pairs of a path and one of `KINDS`; a path that is not there needs no rule.

    Raises:
        OSError: A step failed.
    """
    files, _, _ = handled(abi)
    attributes = ruleset_bytes(abi)
    ruleset = syscall("landlock_create_ruleset", attributes, len(attributes), 0)
    try:
        for path, kind in rules:
            _allow(ruleset, path, KINDS[kind] & files)
        syscall("landlock_restrict_self", ruleset, _NO_LOG if abi >= 7 else 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(beneath).st_mode):
            rights &= _FILE_RIGHTS
        syscall("landlock_add_rule", ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, beneath), 0)
    finally:
        os.close(beneath)
