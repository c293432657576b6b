"""What a plugin may ask of the kernel: the lists, and why each is as it is.

The main program is an allow-list. What is not on it fails with EPERM, what libc only probes for with ENOSYS. A
few calls belong to no honest plugin at all; those raise the alarm, so that the host learns which one it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from host.sandbox.seccomp import constants as c
from host.sandbox.seccomp.install import PID_MARK
from host.sandbox.seccomp.rules import ABSENT, ALLOW, KILL, PRETEND, Answer, Check, Rule

Exec = Literal["never", "once", "always"]


@dataclass(frozen=True)
class SeccompProfile:
    """What differs between plugins and between machines.

    Attributes:
        subprocess: May start programs: fork, exec, sessions, descriptors over sockets. Only a cgroup bounds the
            memory of such a plugin.
        exec: Whether the process may exec. `once` is for a program started by exec that must not do it again:
            the alarm program then asks the listener at each execve, which lets the first one pass. It needs
            *listener*; without it, `once` is `always`. With *subprocess* it is always `always`.
        shared_memory: May map anonymous shared memory and make memfds; not where RLIMIT_DATA, which does not
            count those, is the memory cap.
        own_files: Sees a file system of its own (a mount namespace). Without one, what Landlock cannot hold is
            refused here: modes, owners, times, attributes and (below its ABI 3) truncate by path.
        own_pids: Has a pid namespace of its own. Without one it may signal itself alone, once `install.bind_pid`
            has written its pid into the program.
        listener: The alarm program is installed and somebody reads from it; otherwise the main program kills
            on what would raise the alarm.
    """

    subprocess: bool = False
    exec: Exec = "never"
    shared_memory: bool = True
    own_files: bool = True
    own_pids: bool = True
    listener: bool = True

    @property
    def may_exec(self) -> Exec:
        """*exec* as it turns out with the other switches."""
        if self.subprocess or (self.exec == "once" and not self.listener):
            return "always"
        return self.exec


# No honest plugin makes these: they change the machine, look into other processes, or are ways into the kernel.
# Calls that a library may try for a good reason (sockets, fork, io_uring, inotify) are not among them.
_ALARM: Final = """
    ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd
    bpf perf_event_open userfaultfd add_key request_key keyctl
    unshare setns chroot pivot_root mount umount2 move_mount open_tree open_tree_attr fsopen fsconfig fsmount fspick
    mount_setattr open_by_handle_at
    init_module finit_module delete_module create_module kexec_load kexec_file_load reboot swapon swapoff acct
    iopl ioperm modify_ldt settimeofday clock_settime sethostname setdomainname quotactl quotactl_fd
"""
ALARM: Final = frozenset(_ALARM.split())

_FILES: Final = """
    read write pread64 pwrite64 readv writev preadv pwritev lseek sendfile copy_file_range
    open openat creat close close_range dup dup2 dup3 pipe pipe2 fsync fdatasync fallocate ftruncate
    fadvise64 readahead sync_file_range
    stat fstat lstat newfstatat statx statfs fstatfs access faccessat faccessat2 getdents getdents64
    getcwd chdir fchdir mkdir mkdirat rmdir rename renameat renameat2 link linkat unlink unlinkat symlink symlinkat
    readlink readlinkat umask getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr
    poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2
    eventfd eventfd2 signalfd signalfd4 timerfd_create timerfd_settime timerfd_gettime
"""
_MEMORY: Final = "mprotect munmap brk mremap msync get_mempolicy membarrier"
_THREADS: Final = """
    futex futex_waitv futex_wake futex_wait futex_requeue set_robust_list get_robust_list set_tid_address rseq
    sched_yield sched_getaffinity sched_getparam sched_getscheduler sched_getattr sched_get_priority_max
    sched_get_priority_min sched_rr_get_interval getpriority exit exit_group restart_syscall
"""
_SIGNALS: Final = """
    rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigsuspend sigaltstack pause alarm
    getitimer setitimer timer_create timer_settime timer_gettime timer_getoverrun timer_delete
"""
_QUESTIONS: Final = """
    getpid getppid gettid getuid geteuid getgid getegid getresuid getresgid getgroups getpgid getpgrp getsid capget
    uname sysinfo times getrusage getrlimit getcpu getrandom wait4 waitid
    time gettimeofday clock_gettime clock_getres clock_nanosleep nanosleep
"""
_SOCKETPAIRS: Final = "recvfrom getsockname getpeername shutdown"
_CHILDREN: Final = """
    fork vfork execve setsid setpgid pidfd_open pidfd_send_signal sendmsg recvmsg sendmmsg recvmmsg
    pkey_alloc pkey_free pkey_mprotect
"""
_FILE_METADATA: Final = """
    truncate chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes futimesat utimensat
    setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr
"""

# libc and libuv ask for these and fall back: an EPERM would be taken for a real refusal. clone3 and openat2 hide
# their flags behind a pointer, io_uring goes round the filter altogether.
_ABSENT: Final = """
    clone3 openat2 io_uring_setup io_uring_enter io_uring_register pkey_alloc pkey_free pkey_mprotect
    map_shadow_stack mseal cachestat statmount listmount setxattrat getxattrat listxattrat removexattrat
    file_getattr file_setattr memfd_secret set_mempolicy_home_node
"""


def main_answers(profile: SeccompProfile) -> dict[str, Answer]:
    """The allow-list of *profile*; what is not in it is to fail with EPERM."""
    answers: dict[str, Answer] = dict.fromkeys(_ABSENT.split(), ABSENT)
    # The smallest answer of all filters counts: allowed here is what the alarm program then takes over.
    answers |= dict.fromkeys(ALARM, ALLOW if profile.listener else KILL)
    answers |= _allowed(_FILES, _MEMORY, _THREADS, _SIGNALS, _QUESTIONS, _SOCKETPAIRS)
    if profile.subprocess:
        answers |= _allowed(_CHILDREN)
    if profile.may_exec != "never":
        answers["execve"] = ALLOW
    if profile.own_files:
        answers |= _allowed(_FILE_METADATA)
    if profile.shared_memory:
        # The machine's reserve of huge pages is counted by no cap.
        answers["memfd_create"] = Rule(((Check(1, (0,), mask=c.MFD_HUGETLB),),))
    answers |= _SHORT_LISTS
    answers |= _locks(profile)
    answers |= {"clone": _clone(profile), "mmap": _mmap(profile), **_towards_others(profile)}
    return answers


def alarm_answers(profile: SeccompProfile, notify: int) -> dict[str, Answer]:
    """What the listener is asked about; the rest is allowed, for the main program to judge."""
    watched: Iterable[str] = {*ALARM, "execve"} if profile.may_exec == "once" else ALARM
    return dict.fromkeys(watched, notify)


def _allowed(*lists: str) -> Mapping[str, Answer]:
    return dict.fromkeys(" ".join(lists).split(), ALLOW)


def _one_of(argument: int, *values: int) -> Rule:
    return Rule(((Check(argument, values),),))


def _clone(profile: SeccompProfile) -> Rule:
    """Threads of this process; with *subprocess* children too. Never a namespace, a sibling or a tracer's flag."""
    thread = Check(0, (c.CLONE_THREAD,), mask=c.CLONE_THREAD)
    flags = c.THREAD_FLAGS | c.CHILD_FLAGS if profile.subprocess else c.THREAD_FLAGS
    nothing_else = Check(0, (0,), mask=~flags & 0xFFFFFFFF)
    return Rule(((nothing_else,) if profile.subprocess else (thread, nothing_else),))


def _mmap(profile: SeccompProfile) -> Rule:
    """No memory that the caps do not count.

    A stack that grows down (MAP_GROWSDOWN) is outside of RLIMIT_DATA, huge pages are outside of the memory cgroup,
    shared anonymous memory is outside of RLIMIT_DATA and inside the cgroup.
    """
    never = Check(3, (0,), mask=c.MAP_GROWSDOWN | c.MAP_HUGETLB)
    if profile.shared_memory:
        return Rule(((never,),))
    private = Check(3, (c.MAP_PRIVATE,), mask=c.MAP_TYPE)
    a_file = Check(3, (0,), mask=c.MAP_ANONYMOUS)
    return Rule(((never, private), (never, a_file)))


def _locks(profile: SeccompProfile) -> Mapping[str, Answer]:
    """Locks on files reach further than the files do: one on a library that all read is seen by all who have it open.

    And each is the kernel's memory, which nothing but a cgroup counts. A program without children needs none: a
    process is never kept waiting by record locks of its own. So it is told that it has them, for SQLite's sake.

    Of fcntl's other commands none are F_SETOWN and F_SETSIG (signals to others), F_SETLEASE, F_NOTIFY, F_SETPIPE_SZ
    (a pipe of 1 MB of the kernel's memory for each descriptor).
    """
    if profile.subprocess:
        every = (*c.FCNTL_COMMANDS, *c.LOCKS_OF_A_PROCESS, *c.LOCKS_OF_AN_OPENING)
        return {"flock": ALLOW, "fcntl": _one_of(1, *every)}
    pretended = Rule(((Check(1, c.LOCKS_OF_A_PROCESS),),), then=PRETEND)
    return {"flock": ABSENT, "fcntl": Rule(((Check(1, c.FCNTL_COMMANDS),),), otherwise=pretended)}


def _towards_others(profile: SeccompProfile) -> Mapping[str, Answer]:
    if profile.own_pids:
        return _allowed("kill tkill tgkill sched_setaffinity")
    # Without a namespace a pid may be anyone's of the same user. 0 is the group, which is the plugin's own.
    return {
        "kill": _one_of(0, PID_MARK, 0),
        "tgkill": _one_of(0, PID_MARK),
        # By thread id, so only the main thread's; musl raises with it, glibc with tgkill.
        "tkill": _one_of(0, PID_MARK),
        "sched_setaffinity": _one_of(0, 0),
    }


_SHORT_LISTS: Final[Mapping[str, Answer]] = {
    # asyncio and libuv wake themselves through a socket pair. Datagram sockets are left out: even as a pair they
    # send to any socket that has a name.
    "socketpair": Rule(
        (
            (
                Check(0, (c.AF_UNIX,)),
                Check(1, (c.SOCK_STREAM, c.SOCK_SEQPACKET), mask=c.SOCK_TYPE_MASK),
            ),
        )
    ),
    "sendto": Rule(((Check(4, (0,), wide=True),),)),  # no address
    "getsockopt": _one_of(1, c.SOL_SOCKET),
    "ioctl": _one_of(1, *c.IOCTL_COMMANDS),
    # No PR_SET_PDEATHSIG (it would outlive the host), PR_SET_DUMPABLE, PR_SET_MM, PR_SET_CHILD_SUBREAPER.
    "prctl": _one_of(0, *c.PRCTL_OPTIONS),
    "arch_prctl": _one_of(0, *c.ARCH_PRCTL_OPTIONS),
    "prlimit64": Rule(((Check(0, (0,)), Check(2, (0,), wide=True)),)),  # of itself, and only to read
    "setpriority": Rule(((Check(0, (c.PRIO_PROCESS,)), Check(1, (0,))),)),  # its own, and upwards only
    # No RWF_NOWAIT, which tells which files others have lately read.
    "preadv2": _one_of(5, 0),
    "pwritev2": _one_of(5, 0),
    # No MADV_MERGEABLE, MADV_PAGEOUT, MADV_COLD: through pages shared with others they tell what others do.
    "madvise": _one_of(2, *c.MADVISE_ADVICE),
}
