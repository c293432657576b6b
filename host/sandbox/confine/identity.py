"""Who the process is, and what that allows it: ids, capabilities, privileges that can be gained."""

import ctypes
import os

from host.sandbox.kernel.libc import prctl, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_SECUREBITS = 28
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION_3 = 0x20080522
_HIGHEST_CAPABILITY = 63
# Source: capabilities(7). While ids change, capabilities stay: the mounts still need them.
_KEEP_WHILE_IDS_CHANGE = 1 << 2 | 1 << 4  # NO_SETUID_FIXUP, KEEP_CAPS
# NOROOT, NO_SETUID_FIXUP, NO_CAP_AMBIENT_RAISE with their locks, and KEEP_CAPS locked at off.
_LOCKED = 0b11 | 0b11 << 2 | 1 << 5 | 0b11 << 6


def take_ids(ids: "dict[str, Any]") -> None:
    """Becomes `ids["uid"]` and `ids["gid"]`, capabilities kept for what is left to do.

    Args:
        ids: With `drop_groups`, when the parent may and did leave setgroups(2) open.
    """
    if ids["keep_capabilities"]:
        prctl(PR_SET_SECUREBITS, _KEEP_WHILE_IDS_CHANGE)
    if ids["drop_groups"]:
        os.setgroups([])
    os.setresgid(ids["gid"], ids["gid"], ids["gid"])
    os.setresuid(ids["uid"], ids["uid"], ids["uid"])
    if ids["keep_capabilities"]:
        _set_capabilities(_permitted())  # setresuid leaves the effective set to be raised again


def give_up_privileges(bounding: bool) -> None:
    """No capabilities, none to be gained by any exec, and nobody else's debugger.

    Args:
        bounding: Whether the bounding set can be emptied: that takes a capability itself.
    """
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    if bounding:
        prctl(PR_SET_SECUREBITS, _LOCKED)
        for capability in range(_HIGHEST_CAPABILITY + 1):
            try:
                prctl(PR_CAPBSET_DROP, capability)
            except OSError as error:
                if error.errno != 22:  # EINVAL: the kernel knows no such capability, nor any above
                    raise
                break
    _ambient_clear()
    _set_capabilities(0)
    prctl(PR_SET_DUMPABLE, 0)


def _ambient_clear() -> None:
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)


def _permitted() -> int:
    header, data = _header(), (ctypes.c_uint32 * 6)()
    syscall("capget", ctypes.addressof(header), ctypes.addressof(data))
    return data[1] | data[4] << 32


def _set_capabilities(wanted: int) -> None:
    low, high = wanted & 0xFFFFFFFF, wanted >> 32
    header, data = _header(), (ctypes.c_uint32 * 6)(low, low, 0, high, high, 0)
    syscall("capset", ctypes.addressof(header), ctypes.addressof(data))


def _header() -> "ctypes.Array[ctypes.c_uint32]":
    return (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
