"""Attacks on the kernel itself: the calls through which it has been broken into, and those that change the machine.

A call that would harm the machine is made with arguments that are bad on purpose: EPERM and ENOSYS say that it was
refused, any other answer says that it was permitted.
"""

import ctypes
import mmap
import os
import pty
import struct
from pathlib import Path

from .calls import ARCH, MAP_ANONYMOUS, MAP_PRIVATE, PROT_EXEC, PROT_READ, PROT_WRITE, call, mapped
from .registry import ROOT, Held, attack, unless

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .registry import Scene

_NOT_SAFE = "it would change the machine; its permission alone is asked, as root"


@attack("surface.io-uring", machine="io_uring", stopped_by="rlimits seccomp")
def io_uring(scene: "Scene") -> str:
    """makes an io_uring, whose requests no filter sees"""
    os.close(call("io_uring_setup", 1, ctypes.create_string_buffer(120)))
    return "made"


@attack("surface.userfaultfd", machine="userfaultfd", stopped_by="seccomp", alarm="userfaultfd")
def userfaultfd(scene: "Scene") -> str:
    """handles page faults itself, which wins races against the kernel"""
    os.close(call("userfaultfd", 1))
    return "made"


@attack("surface.bpf", control=ROOT, stopped_if_root="base", alarm="bpf")
def bpf(scene: "Scene") -> str:
    """makes a BPF map"""
    order = struct.pack("=4I", 2, 4, 4, 1).ljust(128, b"\0")
    os.close(call("bpf", 0, order, len(order)))
    return "made"


@attack("surface.perf", machine="perf events", stopped_by="seccomp", alarm="perf_event_open")
def perf(scene: "Scene") -> str:
    """opens a performance counter"""
    # A software clock of this process, without the kernel's share of it.
    order = struct.pack("=II5Q", 1, 112, 0, 0, 0, 0, 1 << 5 | 1 << 6).ljust(112, b"\0")
    os.close(call("perf_event_open", order, 0, -1, -1, 0))
    return "opened"


@attack("surface.add-key", machine="keyrings", stopped_by="seccomp", alarm="add_key")
def add_key(scene: "Scene") -> str:
    """keeps something in the kernel's keyrings, outside of all limits"""
    return str(call("add_key", b"user", b"attack", b"x", 1, ctypes.c_int(-2)))


@attack("surface.keyring", machine="keyrings", stopped_by="seccomp", alarm="keyctl")
def keyring(scene: "Scene") -> str:
    """joins a session keyring"""
    return str(call("keyctl", 1, None))


@attack("surface.request-key", machine="keyrings", stopped_by="seccomp", alarm="request_key")
def request_key(scene: "Scene") -> str:
    """looks a key up"""
    return _permitted(lambda: call("request_key", b"user", b"attack-none", None, 0))


@attack("surface.personality", stopped_by="seccomp")
def personality(scene: "Scene") -> str:
    """switches address randomisation off for what it becomes"""
    return str(call("personality", 0x0040000))


@attack("surface.int-80", machine="int 0x80", stopped_by="seccomp", alarm="foreign")
def int_80(scene: "Scene") -> str:
    """calls the kernel by the 32-bit gate, whose numbers mean other calls"""
    # mov eax, 20 (getpid); int 0x80; ret
    return f"process {_run(bytes.fromhex('b814000000cd80c3'))}"


@attack("surface.int-80-socket", machine="int 0x80", stopped_by="seccomp", alarm="foreign")
def int_80_socket(scene: "Scene") -> str:
    """makes a socket by the 32-bit gate, with socketcall"""
    # mov eax, 359 (socket); mov ebx, 2; mov ecx, 1; xor edx, edx; int 0x80; with rbx kept
    code = "53b867010000bb02000000b90100000031d2cd805bc3"
    result = _run(bytes.fromhex(code))
    unless(0 <= result < 2**31, f"answer {result}")
    return f"descriptor {result}"


@attack(
    "surface.x32",
    control="none",
    why_not="kernels without the x32 ABI refuse it to everybody",
    machine="x86_64",
    alarm="foreign",
)
def x32(scene: "Scene") -> str:
    """calls the kernel by the x32 numbers"""
    return f"process {call(0x40000000 + 39)}"


@attack("surface.unknown-number", control="none", why_not="there is nothing behind the number")
def unknown_number(scene: "Scene") -> str:
    """tries numbers that no call has yet"""
    answers = set()
    for number in (600, 1000, 4095, 0x3FFFFFFF):
        try:
            call(number)
        except OSError as error:
            answers.add(error.errno)
    unless(answers <= {1, 38}, f"{answers}")
    raise Held(f"{answers}")


@attack("surface.terminal-input", machine="TIOCSTI", stopped_by="landlock mounts seccomp")
def terminal_input(scene: "Scene") -> str:
    """types into a terminal in place of its user (TIOCSTI)"""
    import contextlib
    import fcntl

    with contextlib.suppress(PermissionError):  # it leads its session already
        os.setsid()
    _, slave = pty.openpty()
    fcntl.ioctl(slave, 0x540E, 0)  # TIOCSCTTY: now it is its own terminal
    fcntl.ioctl(slave, 0x5412, b"x")
    return "typed"


@attack("surface.open-terminal", stopped_by="landlock mounts seccomp")
def open_terminal(scene: "Scene") -> str:
    """makes a terminal"""
    for each in pty.openpty():
        os.close(each)
    return "made"


@attack("surface.filter", stopped_by="seccomp")
def own_filter(scene: "Scene") -> str:
    """adds a filter with a listener of its own, which answers in the place of ours"""
    allow = struct.pack("=HBBI", 0x06, 0, 0, 0x7FFF0000)
    kept = ctypes.create_string_buffer(allow, len(allow))
    call("prctl", 38, 1, 0, 0, 0)
    os.close(call("seccomp", 1, 8, struct.pack("@HP", 1, ctypes.addressof(kept))))
    return "added"


@attack("surface.filter-by-prctl", stopped_by="seccomp")
def filter_by_prctl(scene: "Scene") -> str:
    """adds a filter by prctl"""
    allow = struct.pack("=HBBI", 0x06, 0, 0, 0x7FFF0000)
    kept = ctypes.create_string_buffer(allow, len(allow))
    call("prctl", 38, 1, 0, 0, 0)
    call("prctl", 22, 2, struct.pack("@HP", 1, ctypes.addressof(kept)), 0, 0)
    return "added"


@attack("surface.move-heap", control=ROOT, machine="CAP_SYS_RESOURCE")
def move_heap(scene: "Scene") -> str:
    """tells the kernel false things about its own memory (PR_SET_MM)"""
    return _permitted(lambda: call("prctl", 35, 6, 1, 0, 0))


@attack("surface.load-module", control=ROOT, machine="modules", alarm="init_module")
def load_module(scene: "Scene") -> str:
    """loads code into the kernel"""
    return _permitted(lambda: call("init_module", None, 0, b""))


@attack("surface.kexec", control=ROOT, machine="kexec", alarm="kexec_load")
def kexec(scene: "Scene") -> str:
    """starts another kernel"""
    return _permitted(lambda: call("kexec_load", 0, 0, None, 0x0000FFFF))


@attack("surface.reboot", control=ROOT, stopped_if_root="base", alarm="reboot")
def reboot(scene: "Scene") -> str:
    """restarts the machine: with a wrong password, so to say"""
    return _permitted(lambda: call("reboot", 0, 0, 0, None))


@attack("surface.set-clock", control=ROOT, stopped_if_root="base", alarm="settimeofday")
def set_clock(scene: "Scene") -> str:
    """sets the clock: to nothing at all"""
    call("settimeofday", None, None)
    return "permitted"


@attack("surface.set-hostname", control=ROOT, stopped_if_root="base", alarm="sethostname")
def set_hostname(scene: "Scene") -> str:
    """renames the machine: to the name it has"""
    name = os.uname().nodename.encode()
    call("sethostname", name, len(name))
    return "set"


@attack("surface.accounting", control=ROOT, machine="accounting", stopped_if_root="base", alarm="acct")
def accounting(scene: "Scene") -> str:
    """has the kernel write an account of all processes: into a file that is not there"""
    return _permitted(lambda: call("acct", b"/no-such-file"))


@attack("surface.ports", control=ROOT, machine="x86_64 ports", alarm="ioperm")
def ports(scene: "Scene") -> str:
    """talks to devices directly"""
    call("ioperm", 0x80, 1, 1)
    call("ioperm", 0x80, 1, 0)
    return "granted"


@attack("surface.segments", machine="modify_ldt", stopped_by="seccomp", alarm="modify_ldt")
def segments(scene: "Scene") -> str:
    """makes segments of its own"""
    # An empty entry: struct user_desc with read_exec_only and seg_not_present.
    call("modify_ldt", 0x11, struct.pack("=4I", 0, 0, 0, 1 << 3 | 1 << 5), 16)
    return "made"


@attack("surface.asynchronous-io", machine="aio", stopped_by="seccomp")
def asynchronous_io(scene: "Scene") -> str:
    """makes a queue of the older asynchronous input and output"""
    call("io_setup", 16, (ctypes.c_ulong * 1)(0))
    return "made"


@attack("surface.message-queue", machine="mq", stopped_by="landlock rlimits seccomp")
def message_queue(scene: "Scene") -> str:
    """makes a POSIX message queue"""
    import contextlib

    name = f"engine-ops-attack-{os.urandom(6).hex()}".encode()
    try:
        os.close(call("mq_open", name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600, None))
    finally:
        # Landlock refuses to open what has been made by then, and a user may have about ten.
        with contextlib.suppress(OSError):
            call("mq_unlink", name)
    return "made"


@attack("surface.semaphores", machine="System V", stopped_by="seccomp")
def semaphores(scene: "Scene") -> str:
    """makes System V semaphores, which outlive their maker"""
    import contextlib

    made = call("semget", 0, 1, 0o600)
    with contextlib.suppress(OSError):
        call("semctl", made, 0, 0)
    return "made"


@attack("surface.splice", stopped_by="seccomp")
def splice(scene: "Scene") -> str:
    """moves pages of a file into a pipe, which once let read-only files be written"""
    _, writing = os.pipe()
    file = os.open(Path(scene["folder"]) / "notes.txt", os.O_RDONLY)
    return f"{call('splice', file, None, writing, None, 64, 0)} bytes"


@attack("surface.vmsplice", stopped_by="seccomp")
def vmsplice(scene: "Scene") -> str:
    """gives its own pages to a pipe"""
    _, writing = os.pipe()
    page = mmap.mmap(-1, 4096)
    at = ctypes.addressof(ctypes.c_char.from_buffer(page))
    return f"{call('vmsplice', writing, (ctypes.c_ulong * 2)(at, 64), 1, 0)} bytes"


@attack("surface.place-memory", machine="NUMA", stopped_by="seccomp")
def place_memory(scene: "Scene") -> str:
    """binds memory to a node of the machine"""
    call("mbind", mapped(4096, MAP_PRIVATE | MAP_ANONYMOUS), 4096, 0, None, 0, 0)
    return "bound"


@attack("surface.secret-memory", machine="secret memory", stopped_by="seccomp")
def secret_memory(scene: "Scene") -> str:
    """takes memory that the kernel itself cannot look into"""
    os.close(call("memfd_secret", 0))
    return "taken"


@attack(
    "surface.exec-at",
    control="none",
    why_not="what it would become is another attack's; here the call counts",
)
def exec_at(scene: "Scene") -> str:
    """becomes another program by execveat, on a file that is none"""
    return _permitted(lambda: call("execveat", -100, b"notes.txt", None, None, 0))


@attack("surface.ioctl", stopped_by="seccomp")
def ioctl(scene: "Scene") -> str:
    """sends commands to what it has open: asks a file for its flags"""
    import fcntl

    with (Path(scene["folder"]) / "notes.txt").open("rb") as file:
        return f"{fcntl.ioctl(file, 0x80086601, bytes(8))!r}"


@attack("surface.signals-of-files", stopped_by="seccomp")
def signals_of_files(scene: "Scene") -> str:
    """has a pipe send signals to another process (F_SETOWN)"""
    import fcntl

    reading, _ = os.pipe()
    fcntl.fcntl(reading, 8, os.getpid())
    return "set"


@attack("surface.leases", stopped_by="landlock mounts seccomp")
def leases(scene: "Scene") -> str:
    """has others wait when they open a file that it holds a lease on"""
    import fcntl

    with Path(scene["own_file"]).open("rb") as file:
        fcntl.fcntl(file, 1024, 0)
        fcntl.fcntl(file, 1024, 2)
    return "leased"


@attack("surface.merge-pages", machine="ksm", stopped_by="seccomp")
def merge_pages(scene: "Scene") -> str:
    """has its pages merged with equal ones of others, which tells what they hold"""
    area = mmap.mmap(-1, 1 << 16, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    area.madvise(12)
    return "marked"


def _run(code: bytes) -> int:
    if ARCH != "x86_64":
        raise Held(f"no such gate on {ARCH}")
    page = mapped(4096, MAP_PRIVATE | MAP_ANONYMOUS, PROT_READ | PROT_WRITE | PROT_EXEC)
    ctypes.memmove(page, code, len(code))
    return int(ctypes.CFUNCTYPE(ctypes.c_long)(page)())


def _permitted(attempt: "object") -> str:
    try:
        attempt()  # type: ignore[operator]
    except OSError as error:
        if error.errno in (1, 13, 38):
            raise
        return f"permitted; its arguments were bad ({error.strerror})"
    return "permitted"
