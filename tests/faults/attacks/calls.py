"""System calls by name, straight to the kernel: libc wrappers would hide some attacks and soften others.

Numbers: Linux arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

import ctypes
import os
import platform

ARCH = platform.machine()
_X86_64 = {
    "mmap": 9, "mprotect": 10, "rt_sigprocmask": 14, "ioctl": 16, "mremap": 25, "shmget": 29, "shmat": 30,
    "shmctl": 31, "clone": 56, "semget": 64, "msgget": 68, "ptrace": 101, "syslog": 103, "setpriority": 141,
    "sched_setscheduler": 144, "mlock": 149, "modify_ldt": 154, "pivot_root": 155, "prctl": 157,
    "acct": 163, "settimeofday": 164, "mount": 165, "umount2": 166, "swapon": 167, "reboot": 169,
    "sethostname": 170, "iopl": 172, "ioperm": 173, "init_module": 175, "quotactl": 179, "setxattr": 188,
    "io_setup": 206, "timer_create": 222, "mq_open": 240, "kexec_load": 246, "add_key": 248,
    "request_key": 249, "keyctl": 250, "ioprio_set": 251, "personality": 135, "unshare": 272, "vmsplice": 278,
    "splice": 275, "perf_event_open": 298, "rt_tgsigqueueinfo": 297, "rt_sigqueueinfo": 129,
    "fanotify_init": 300, "prlimit64": 302, "name_to_handle_at": 303, "open_by_handle_at": 304, "setns": 308,
    "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "seccomp": 317, "memfd_create": 319,
    "bpf": 321, "execveat": 322, "userfaultfd": 323, "inotify_init1": 294, "inotify_add_watch": 254,
    "mbind": 237, "chroot": 161, "sched_setaffinity": 203, "setdomainname": 171, "shmdt": 67,
    "mq_unlink": 241, "semctl": 66, "madvise": 28, "preadv2": 327,
}  # fmt: skip
_GENERIC = {
    "mmap": 222, "mprotect": 226, "rt_sigprocmask": 135, "ioctl": 29, "mremap": 216, "shmget": 194,
    "shmat": 196, "shmctl": 195, "clone": 220, "semget": 190, "msgget": 186, "ptrace": 117, "syslog": 116,
    "setpriority": 140, "sched_setscheduler": 119, "mlock": 228, "pivot_root": 41, "prctl": 167,
    "acct": 89, "settimeofday": 170, "mount": 40, "umount2": 39, "swapon": 224, "reboot": 142,
    "sethostname": 161, "init_module": 105, "quotactl": 60, "setxattr": 5, "io_setup": 0, "timer_create": 107,
    "mq_open": 180, "kexec_load": 104, "add_key": 217, "request_key": 218, "keyctl": 219, "ioprio_set": 30,
    "personality": 92, "unshare": 97, "vmsplice": 75, "splice": 76, "perf_event_open": 241,
    "rt_tgsigqueueinfo": 240, "rt_sigqueueinfo": 138, "fanotify_init": 262, "prlimit64": 261,
    "name_to_handle_at": 264, "open_by_handle_at": 265, "setns": 268, "process_vm_readv": 270,
    "process_vm_writev": 271, "kcmp": 272, "seccomp": 277, "memfd_create": 279, "bpf": 280, "execveat": 281,
    "userfaultfd": 282, "inotify_init1": 26, "inotify_add_watch": 27, "mbind": 235, "chroot": 51,
    "sched_setaffinity": 122, "setdomainname": 162, "shmdt": 197,
    "mq_unlink": 181, "semctl": 191, "madvise": 233, "preadv2": 286,
}  # fmt: skip
_EVERYWHERE = {
    "pidfd_send_signal": 424, "io_uring_setup": 425, "open_tree": 428, "move_mount": 429, "fsopen": 430,
    "pidfd_open": 434, "clone3": 435, "openat2": 437, "pidfd_getfd": 438, "process_madvise": 440,
    "quotactl_fd": 443, "memfd_secret": 447,
}  # fmt: skip
NUMBERS = {**_EVERYWHERE, **(_X86_64 if ARCH == "x86_64" else _GENERIC)}

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
libc.mmap.restype = libc.mremap.restype = libc.shmat.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
libc.shmat.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
FAILED = ctypes.c_void_p(-1).value

PROT_READ, PROT_WRITE, PROT_EXEC = 1, 2, 4
MAP_SHARED, MAP_PRIVATE, MAP_ANONYMOUS, MAP_NORESERVE = 0x1, 0x2, 0x20, 0x4000
MAP_GROWSDOWN = 0x100


def call(name: "str | int", *arguments: object) -> int:
    """The call's result; bytes and ctypes arrays are passed as pointers, None as a null pointer.

    Raises:
        OSError: With the kernel's errno.
    """
    number = name if isinstance(name, int) else NUMBERS[name]
    values = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    result = int(libc.syscall(ctypes.c_long(number), *values))
    if result == -1:
        raise failure()
    return result


def failure() -> OSError:
    """libc's errno as an exception."""
    code = ctypes.get_errno()
    return OSError(code, os.strerror(code))


def mapped(length: int, flags: int, protection: int = PROT_READ | PROT_WRITE, descriptor: int = -1) -> int:
    """The address of a new mapping.

    Raises:
        OSError: The kernel refused.
    """
    at = libc.mmap(None, length, protection, flags, descriptor, 0)
    if at == FAILED or at is None:
        raise failure()
    return int(at)
