"""`python lacking.py LAYER,... ARGV...`: runs a program on a machine that lacks these layers, as its kernel tells it.

A filter of seccomp answers for the kernel: new namespaces as in a plain container (EPERM), Landlock and seccomp as
on a kernel that has neither (ENOSYS). It is inherited by whatever the program starts.
"""

import ctypes
import os
import platform
import struct
import sys

ERRNO, ALLOW = 0x00050000, 0x7FFF0000
EPERM, ENOSYS = 1, 38
LOAD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06
NR, FIRST_ARGUMENT = 0, 16
NEW_NAMESPACES = 0x7E020000
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, FILTER = 22, 38, 2
CLONE, UNSHARE, PRCTL, SECCOMP = {"x86_64": (56, 272, 157, 317), "aarch64": (220, 97, 167, 277)}[
    platform.machine()
]
LANDLOCK, CLONE3 = 444, 435


def line(code, yes=0, no=0, value=0):
    return struct.pack("=HBBI", code, yes, no, value)


def if_call(number, *then):
    return [line(LOAD, value=NR), line(EQUAL, no=len(then), value=number), *then]


def answer(error):
    return line(RETURN, value=ERRNO | error)


def program(lacking):
    lines = []
    if "namespaces" in lacking:
        flags = [line(LOAD, value=FIRST_ARGUMENT), line(ANY_BIT, no=1, value=NEW_NAMESPACES), answer(EPERM)]
        lines += [*if_call(CLONE, *flags), *if_call(UNSHARE, answer(EPERM)), *if_call(CLONE3, answer(ENOSYS))]
    if "landlock" in lacking:
        lines += if_call(LANDLOCK, answer(ENOSYS))
    if "seccomp" in lacking:
        asks = [line(LOAD, value=FIRST_ARGUMENT), line(EQUAL, no=1, value=PR_SET_SECCOMP), answer(ENOSYS)]
        lines += [*if_call(SECCOMP, answer(ENOSYS)), *if_call(PRCTL, *asks)]
    return [*lines, line(RETURN, value=ALLOW)]


def main(lacking, argv):
    lines = program(lacking)
    code = ctypes.create_string_buffer(b"".join(lines))
    fprog = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(lines), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    for arguments in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, FILTER, ctypes.addressof(fprog), 0, 0),
    ):
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(arguments[0]))
    os.execv(argv[0], argv)


if __name__ == "__main__":
    main(sys.argv[1].split(","), sys.argv[2:])
