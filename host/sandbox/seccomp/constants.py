"""The kernel's numbers for flags and commands that the rules look at; the same on x86_64 and aarch64.

Source: Linux 6.17, include/uapi (linux/sched.h, linux/fcntl.h, linux/prctl.h, asm-generic/{ioctls,mman-common}.h).
"""

from __future__ import annotations

from typing import Final

# --- clone
CLONE_VM: Final = 0x00000100
CLONE_FS: Final = 0x00000200
CLONE_FILES: Final = 0x00000400
CLONE_SIGHAND: Final = 0x00000800
CLONE_PIDFD: Final = 0x00001000
CLONE_VFORK: Final = 0x00004000
CLONE_THREAD: Final = 0x00010000
CLONE_SYSVSEM: Final = 0x00040000
CLONE_SETTLS: Final = 0x00080000
CLONE_PARENT_SETTID: Final = 0x00100000
CLONE_CHILD_CLEARTID: Final = 0x00200000
CLONE_DETACHED: Final = 0x00400000  # without effect; musl sets it
CLONE_CHILD_SETTID: Final = 0x01000000
EXIT_SIGNAL: Final = 0xFF

THREAD_FLAGS: Final = (
    CLONE_VM
    | CLONE_FS
    | CLONE_FILES
    | CLONE_SIGHAND
    | CLONE_THREAD
    | CLONE_SYSVSEM
    | CLONE_SETTLS
    | CLONE_PARENT_SETTID
    | CLONE_CHILD_CLEARTID
    | CLONE_DETACHED
    | CLONE_CHILD_SETTID
)
CHILD_FLAGS: Final = EXIT_SIGNAL | CLONE_VFORK | CLONE_PIDFD

# --- mmap
MAP_PRIVATE: Final = 0x02
MAP_TYPE: Final = 0x0F
MAP_ANONYMOUS: Final = 0x20
MAP_GROWSDOWN: Final = 0x0100
MAP_HUGETLB: Final = 0x40000

MFD_HUGETLB: Final = 0x0004

# --- sockets
AF_UNIX: Final = 1
SOCK_STREAM: Final = 1
SOCK_SEQPACKET: Final = 5
SOCK_TYPE_MASK: Final = ~(0o2000000 | 0o4000) & 0xFFFFFFFF  # all but SOCK_CLOEXEC and SOCK_NONBLOCK
SOL_SOCKET: Final = 1

PRIO_PROCESS: Final = 0

FCNTL_COMMANDS: Final = (
    0,  # F_DUPFD
    1,  # F_GETFD
    2,  # F_SETFD
    3,  # F_GETFL
    4,  # F_SETFL
    5,  # F_GETLK
    36,  # F_OFD_GETLK
    1030,  # F_DUPFD_CLOEXEC
    1032,  # F_GETPIPE_SZ
)
LOCKS_OF_A_PROCESS: Final = (
    6,  # F_SETLK
    7,  # F_SETLKW
)
LOCKS_OF_AN_OPENING: Final = (
    37,  # F_OFD_SETLK
    38,  # F_OFD_SETLKW
)

IOCTL_COMMANDS: Final = (
    0x5401,  # TCGETS: isatty
    0x802C542A,  # TCGETS2: isatty of glibc 2.42
    0x5413,  # TIOCGWINSZ: os.get_terminal_size
    0x541B,  # FIONREAD
    0x5421,  # FIONBIO: socket.setblocking
    0x5450,  # FIONCLEX: os.set_inheritable
    0x5451,  # FIOCLEX
)

PRCTL_OPTIONS: Final = (
    2,  # PR_GET_PDEATHSIG
    3,  # PR_GET_DUMPABLE
    15,  # PR_SET_NAME: of a thread
    16,  # PR_GET_NAME
    21,  # PR_GET_SECCOMP
    23,  # PR_CAPBSET_READ
    39,  # PR_GET_NO_NEW_PRIVS
    51,  # PR_SVE_GET_VL: how wide aarch64's vectors are
)

ARCH_PRCTL_OPTIONS: Final = (
    0x1002,  # ARCH_SET_FS: the loader's thread pointer
    0x1003,  # ARCH_GET_FS
    0x1021,  # ARCH_GET_XCOMP_SUPP
    0x1022,  # ARCH_GET_XCOMP_PERM
    0x1023,  # ARCH_REQ_XCOMP_PERM: BLAS asks before it uses AMX
)

MADVISE_ADVICE: Final = (
    0,  # MADV_NORMAL
    1,  # MADV_RANDOM
    2,  # MADV_SEQUENTIAL
    3,  # MADV_WILLNEED
    4,  # MADV_DONTNEED
    8,  # MADV_FREE
    10,  # MADV_DONTFORK
    11,  # MADV_DOFORK
    14,  # MADV_HUGEPAGE: numpy asks for it
    15,  # MADV_NOHUGEPAGE
    16,  # MADV_DONTDUMP
    17,  # MADV_DODUMP
    18,  # MADV_WIPEONFORK
    19,  # MADV_KEEPONFORK
    22,  # MADV_POPULATE_READ
    23,  # MADV_POPULATE_WRITE
    25,  # MADV_COLLAPSE
    102,  # MADV_GUARD_INSTALL: thread stacks of glibc 2.42
    103,  # MADV_GUARD_REMOVE
)
