"""Attacks on other processes, and on being ended: signals, tracing, priorities, namespaces, bombs, outliving."""

import ctypes
import errno
import os
import signal
import threading
import time
from pathlib import Path

from .calls import call
from .registry import ROOT, Held, attack, unless

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .registry import Scene

CLONE_NEWUSER, CLONE_NEWNET, CLONE_PARENT, CLONE_NEWPID = 0x10000000, 0x40000000, 0x8000, 0x20000000
PTRACE_SEIZE = 0x4206


# --- others


@attack("processes.kill", judged="outside", stopped_by="landlock namespaces seccomp")
def kill(scene: "Scene") -> str:
    """kills a process of its user"""
    os.kill(scene["victim"], signal.SIGKILL)
    return "killed"


@attack("processes.probe", stopped_by="landlock namespaces seccomp")
def probe(scene: "Scene") -> str:
    """asks by kill(2) whether a process exists"""
    os.kill(scene["victim"], 0)
    return "it exists"


@attack("processes.signal-host", stopped_by="landlock namespaces seccomp", stopped_if_root="ids mounts")
def signal_host(scene: "Scene") -> str:
    """sends the host a signal (one that does nothing)"""
    os.kill(scene["host"], signal.SIGURG)
    return "sent"


@attack("processes.kill-spawner", judged="outside", stopped_by="landlock namespaces seccomp")
def kill_spawner(scene: "Scene") -> str:
    """kills the process that it was started by"""
    os.kill(scene["spawner"], signal.SIGKILL)
    return "killed"


@attack("processes.kill-by-pidfd", judged="outside", stopped_by="landlock namespaces seccomp")
def kill_by_pidfd(scene: "Scene") -> str:
    """kills a process of its user through a pidfd"""
    call("pidfd_send_signal", call("pidfd_open", scene["victim"], 0), int(signal.SIGKILL), None, 0)
    return "killed"


@attack("processes.queue-signal", judged="outside", stopped_by="landlock namespaces seccomp")
def queue_signal(scene: "Scene") -> str:
    """kills a process of its user with rt_sigqueueinfo"""
    info = (ctypes.c_int * 32)(int(signal.SIGKILL), 0, -1)
    call("rt_sigqueueinfo", scene["victim"], int(signal.SIGKILL), info)
    return "killed"


@attack("processes.steal-descriptor", stopped_by="landlock mounts namespaces seccomp")
def steal_descriptor(scene: "Scene") -> str:
    """takes an open file out of another process with pidfd_getfd"""
    pidfd = call("pidfd_open", scene["victim"], 0)
    file = call("pidfd_getfd", pidfd, scene["victim_fd"], 0)
    unless(scene["token"].encode() in os.pread(file, 1000, 0), "another file")
    return "read the secret"


@attack("processes.trace", stopped_by="landlock mounts namespaces seccomp", alarm="ptrace")
def trace(scene: "Scene") -> str:
    """traces another process of its user"""
    call("ptrace", PTRACE_SEIZE, scene["victim"], None, None)
    return "seized"


@attack(
    "processes.write-memory",
    judged="outside",
    stopped_by="landlock mounts namespaces seccomp",
    alarm="process_vm_writev",
)
def write_memory(scene: "Scene") -> str:
    """writes into the memory of another process of its user"""
    buffer = ctypes.create_string_buffer(b"spoilt")
    ours = (ctypes.c_ulong * 2)(ctypes.addressof(buffer), 6)
    theirs = (ctypes.c_ulong * 2)(scene["victim_address"], 6)
    call("process_vm_writev", scene["victim"], ours, 1, theirs, 1, 0)
    return "written"


@attack("processes.compare", stopped_by="landlock mounts namespaces seccomp", alarm="kcmp")
def compare(scene: "Scene") -> str:
    """learns by kcmp whether two processes share a file"""
    return str(call("kcmp", os.getpid(), scene["victim"], 0, 0, 0))


@attack("processes.priority-of-another", judged="outside", stopped_by="namespaces seccomp")
def priority_of_another(scene: "Scene") -> str:
    """makes another process of its user slow"""
    call("setpriority", 0, scene["victim"], 19)
    return "set"


@attack("processes.limits-of-another", judged="outside", stopped_by="namespaces seccomp")
def limits_of_another(scene: "Scene") -> str:
    """lowers the limits of another process of its user"""
    call("prlimit64", scene["victim"], 7, (ctypes.c_ulong * 2)(16, 16), None)
    return "set"


@attack("processes.affinity-of-another", stopped_by="namespaces seccomp")
def affinity_of_another(scene: "Scene") -> str:
    """pins another process of its user to a processor"""
    # To those it may run on already: nothing changes, permission is asked all the same.
    mask = sum(1 << each for each in os.sched_getaffinity(0)).to_bytes(128, "little")
    call("sched_setaffinity", scene["victim"], len(mask), mask)
    return "set"


@attack("processes.input-priority-of-another", stopped_by="namespaces seccomp")
def input_priority_of_another(scene: "Scene") -> str:
    """changes how another process's disk requests are served"""
    call("ioprio_set", 1, scene["victim"], 3 << 13)
    return "set"


@attack("processes.advise-another", control=ROOT, stopped_if_root="base")
def advise_another(scene: "Scene") -> str:
    """has another process's memory paged out"""
    theirs = (ctypes.c_ulong * 2)(scene["victim_address"] & ~4095, 4096)
    call("process_madvise", call("pidfd_open", scene["victim"], 0), theirs, 1, 20, 0)
    return "advised"


# --- oneself


@attack("processes.become-root", control=ROOT, stopped_if_root="base")
def become_root(scene: "Scene") -> str:
    """changes its ids"""
    os.setresuid(12345, 12345, 12345)
    return "changed"


@attack("processes.change-groups", control=ROOT, stopped_if_root="base")
def change_groups(scene: "Scene") -> str:
    """joins groups"""
    os.setgroups([0, 12345])
    return "joined"


@attack("processes.new-user-namespace", stopped_by="seccomp", alarm="unshare")
def new_user_namespace(scene: "Scene") -> str:
    """becomes root of a new user namespace, from where much of the kernel can be reached"""
    try:
        call("unshare", CLONE_NEWUSER)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        # It has threads; a fork has not.
        pid = os.fork()
        if pid == 0:
            try:
                call("unshare", CLONE_NEWUSER)
            except OSError:
                os._exit(1)
            os._exit(0)
        unless(os.waitpid(pid, 0)[1] == 0, "refused in a child")
    return "unshared"


@attack("processes.new-user-namespace-by-clone", stopped_by="seccomp")
def new_user_namespace_by_clone(scene: "Scene") -> str:
    """does so with clone"""
    return _child(call("clone", CLONE_NEWUSER | int(signal.SIGCHLD), None, None, None, None))


@attack("processes.new-user-namespace-by-clone3", stopped_by="seccomp")
def new_user_namespace_by_clone3(scene: "Scene") -> str:
    """does so with clone3, whose flags no filter can see"""
    order = (ctypes.c_ulong * 11)(CLONE_NEWUSER, 0, 0, 0, int(signal.SIGCHLD))
    return _child(call("clone3", order, ctypes.sizeof(order)))


@attack("processes.new-net-namespace", control=ROOT, stopped_if_root="base", alarm="unshare")
def new_net_namespace(scene: "Scene") -> str:
    """makes a network namespace of its own"""
    call("unshare", CLONE_NEWNET)
    return "unshared"


@attack("processes.enter-namespace", control=ROOT, stopped_if_root="base", alarm="setns")
def enter_namespace(scene: "Scene") -> str:
    """enters a namespace: its own, the one that can always be opened"""
    descriptor = os.open("/proc/self/ns/uts", os.O_RDONLY)
    call("setns", descriptor, 0)
    return "entered"


@attack("processes.enter-hosts-namespaces", control=ROOT, stopped_if_root="base")
def enter_hosts_namespaces(scene: "Scene") -> str:
    """enters the host's namespaces through a pidfd of it"""
    call("setns", call("pidfd_open", scene["host"], 0), 0x04000000)
    return "entered"


@attack("processes.live-on", stopped_by="seccomp")
def live_on(scene: "Scene") -> str:
    """asks not to be ended with its parent"""
    call("prctl", 1, 0, 0, 0, 0)
    return "granted"


@attack("processes.leave-session", control="none", why_not="a session's leader cannot, sandbox or not")
def leave_session(scene: "Scene") -> str:
    """leaves its session, and with it the reach of a signal to its group"""
    os.setsid()
    return "left"


@attack("processes.be-traceable", stopped_by="seccomp")
def be_traceable(scene: "Scene") -> str:
    """makes itself dumpable again, so that others of its user can look into it"""
    call("prctl", 4, 0, 0, 0, 0)
    call("prctl", 4, 1, 0, 0, 0)
    return "granted"


@attack("processes.adopt-orphans", stopped_by="seccomp")
def adopt_orphans(scene: "Scene") -> str:
    """becomes the reaper of its descendants in place of the sandbox's"""
    call("prctl", 36, 1, 0, 0, 0)
    return "granted"


@attack("processes.keep-capabilities", stopped_if_root="base", stopped_if_not="mounts namespaces seccomp")
def keep_capabilities(scene: "Scene") -> str:
    """asks to keep capabilities over a change of ids"""
    call("prctl", 8, 1, 0, 0, 0)
    return "granted"


@attack("processes.real-time", control=ROOT, stopped_if_root="base")
def real_time(scene: "Scene") -> str:
    """asks to be run before everybody else"""
    call("sched_setscheduler", 0, 1, (ctypes.c_int * 1)(1))
    call("sched_setscheduler", 0, 0, (ctypes.c_int * 1)(0))
    return "granted"


@attack("processes.idle-class", stopped_by="seccomp")
def idle_class(scene: "Scene") -> str:
    """changes how it is scheduled"""
    call("sched_setscheduler", 0, 3, (ctypes.c_int * 1)(0))
    return "granted"


@attack("processes.less-nice", control=ROOT, stopped_if_root="base")
def less_nice(scene: "Scene") -> str:
    """lowers its nice number"""
    call("setpriority", 0, 0, os.nice(0) - 1)
    return f"it is {os.nice(0)}"


@attack("processes.first-at-disk", control=ROOT, stopped_if_root="base")
def first_at_disk(scene: "Scene") -> str:
    """asks to be served first by the disk"""
    call("ioprio_set", 1, 0, 1 << 13)
    return "granted"


# --- many


@attack("processes.fork", command_may=True, stopped_by="seccomp")
def fork(scene: "Scene") -> str:
    """starts a process"""
    return _child(os.fork())


@attack("processes.fork-by-clone-parent", stopped_by="seccomp")
def fork_by_clone_parent(scene: "Scene") -> str:
    """starts a process that is its parent's child, not its own"""
    pid = call("clone", CLONE_PARENT | int(signal.SIGCHLD), None, None, None, None)
    if pid == 0:
        os._exit(0)
    return f"process {pid}"


@attack("processes.fork-bomb", stopped_by="seccomp", stopped_if_root="cgroup")
def fork_bomb(scene: "Scene") -> str:
    """starts more processes than it may have"""
    gate, hold = os.pipe()
    made = 0
    try:
        while made < scene["tasks"] + 64:
            if os.fork() == 0:
                os.close(hold)
                os.read(gate, 1)  # ends when the bomber does
                os._exit(0)
            made += 1
    except BlockingIOError as error:
        raise Held(f"{made} processes, then no more") from error
    return f"{made} processes"


@attack("processes.thread-bomb", stopped_if_root="cgroup", stopped_if_not="watchdog")
def thread_bomb(scene: "Scene") -> str:
    """starts more threads than it may have"""
    gate = threading.Event()
    threading.stack_size(64 * 1024)
    made = 0
    try:
        while made < scene["tasks"] + 64:
            threading.Thread(target=gate.wait, daemon=True).start()
            made += 1
        time.sleep(0.5)  # threads that are gone at once are no bomb
    except RuntimeError as error:
        raise Held(f"{made} threads, then no more") from error
    finally:
        gate.set()
    return f"{made} threads"


@attack(
    "processes.leave-group",
    control=ROOT,
    machine="cgroup files",
    stopped_if_root="ids landlock mounts namespaces",
)
def leave_group(scene: "Scene") -> str:
    """moves itself out of the group that bounds it"""
    with Path(scene["group_file"]).open("w") as file:
        file.write(str(os.getpid()))
    return f"moved to {scene['group_file']}"


def _child(pid: int) -> str:
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return f"process {pid}"


@attack("processes.signal-by-lock", stopped_by="seccomp", command_may=True)
def signal_by_lock(scene: "Scene") -> str:
    """locks a file that other plugins have too, by which two of them can talk, and keep the host waiting"""
    import fcntl

    with Path(os.__file__).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return "locked"


@attack("processes.signal-by-record-lock", stopped_by="seccomp", command_may=True)
def signal_by_record_lock(scene: "Scene") -> str:
    """the same by a record lock, for which reading is enough"""
    import fcntl
    import struct

    with Path(os.__file__).open("rb") as file, Path(os.__file__).open("rb") as again:
        fcntl.fcntl(file, 37, struct.pack("=hhxxxxqqixxxx", fcntl.F_RDLCK, 0, 0, 1, 0))
        asked = struct.pack("=hhxxxxqqixxxx", fcntl.F_WRLCK, 0, 0, 1, 0)
        kind = struct.unpack_from("=h", fcntl.fcntl(again, 36, asked))[0]
    unless(kind != fcntl.F_UNLCK, "there is no lock")
    return "locked"
