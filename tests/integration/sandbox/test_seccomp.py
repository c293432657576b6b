"""The filters in the real kernel: it does what the simulation says, and what a call could do without them."""

from __future__ import annotations

import dataclasses
import errno
import os
import platform
import select
import signal
import struct

import pytest

from host.sandbox.seccomp.listener import let_pass, receive, refuse
from host.sandbox.seccomp.profiles import SeccompProfile
from host.sandbox.seccomp.programs import build
from host.sandbox.seccomp.rules import ALLOW, KILL, REFUSE, fail
from host.sandbox.seccomp.syscalls import AUDIT_ARCH, numbers, this_arch
from tests.integration.sandbox.filtered import BOUND_S, IDENTITIES, listening, run
from tests.unit.host.sandbox.seccomp.simulate import run as simulate

pytestmark = pytest.mark.skipif(
    platform.system() != "Linux" or this_arch() not in AUDIT_ARCH, reason="seccomp tables are for Linux only"
)
as_each = pytest.mark.parametrize("identity", IDENTITIES)
x86_only = pytest.mark.skipif(this_arch() != "x86_64", reason="only x86_64 has ABIs beside its own")

PLUGIN = SeccompProfile()
STRICT = SeccompProfile(shared_memory=False, own_files=False, own_pids=False)
CHILDREN = SeccompProfile(subprocess=True)
MEMORY = 64 << 20

# x86_64's uretprobe and uprobe: only the kernel's own trampolines make them; since 6.14 they pass by all filters,
# and the kernel kills with SIGILL whoever else does.
PROBES = {335, 336} if this_arch() == "x86_64" else set()

# Calls by number, as machine code would make them.
RAW = """
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def call(number, *arguments):
    ctypes.set_errno(0)
    answer = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) for a in arguments])
    return errno.errorcode[ctypes.get_errno()] if answer < 0 else "done"
"""
# Runs one thing and says "done" or the errno.
TRIED = """
import errno
def tried(action):
    try:
        action()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"
"""


@as_each
@pytest.mark.parametrize("profile", [PLUGIN, STRICT, CHILDREN], ids=["plugin", "strict", "children"])
def test_the_kernel_refuses_exactly_what_the_simulation_refuses(identity, profile):
    """Every number is called, as far as the simulation says that it will not be let through.

    Refusals carry another errno than the kernel would ever give, so that each is seen to be the filter's own.
    """
    mark = fail(errno.ENOTNAM)
    compiled = build(dataclasses.replace(profile, listener=False), this_arch(), alarm=False)
    program = b"".join(
        struct.pack("=HBBI", code, if_true, if_false, mark if (code, k) == (0x06, REFUSE) else k)
        for code, if_true, if_false, k in struct.iter_unpack("=HBBI", compiled)
    )
    expected = {n: simulate(program, AUDIT_ARCH[this_arch()], n) for n in range(600) if n not in PROBES}
    refused = {str(n): answer & 0xFFFF for n, answer in expected.items() if answer not in (ALLOW, KILL)}
    assert len(refused) > 200
    code = RAW + f"result = {{n: getattr(errno, call(n, 0, 0, 0, 0, 0, 0)) for n in {[*map(int, refused)]}}}"
    ended = run(profile, code, identity, free=False, program=program)
    assert ended.confined == refused, ended.errors


@as_each
def test_each_call_that_nobody_listens_to_kills_by_sigsys(identity):
    for name in ("ptrace", "mount", "keyctl"):
        code = RAW + f"result = call({numbers(this_arch())[name]}, -1, 0, 0, 0, 0) if confined else 0"
        ended = run(PLUGIN, code, identity)
        assert (ended.code, ended.free, ended.confined) == (-signal.SIGSYS, 0, None), name


INT_80 = """
import ctypes, mmap, os
page = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)
page.write(bytes([0x53, 0xB8, 20, 0, 0, 0, 0xCD, 0x80, 0x5B, 0xC3]))  # push rbx; eax=getpid; int 0x80; pop; ret
made = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
result = made == os.getpid()
"""


@x86_only
@as_each
def test_the_32_bit_calls_of_int_0x80_kill(identity):
    ended = run(PLUGIN, INT_80, identity)
    assert (ended.code, ended.confined) == (-signal.SIGSYS, None)
    if ended.free is None:
        pytest.skip("this kernel has no 32-bit calls, so there is nothing to stop")
    assert ended.free is True


@x86_only
@as_each
def test_the_x32_abi_kills_whether_the_kernel_has_it_or_not(identity):
    ended = run(PLUGIN, RAW + "result = call(0x40000000 | 39)", identity)
    assert (ended.code, ended.confined) == (-signal.SIGSYS, None)
    assert ended.free in ("done", "ENOSYS")


ATTACKS = {
    "fork": "pid = os.fork()\n    if pid == 0: os._exit(0)\n    os.waitpid(pid, 0)",
    "vfork and exec": "import subprocess; subprocess.run(['/bin/true'], check=True)",
    "posix_spawn": "os.waitpid(os.posix_spawn('/bin/true', ['true'], {}), 0)",
    "a tcp socket": "socket.socket(socket.AF_INET).close()",
    "a unix socket": "socket.socket(socket.AF_UNIX).close()",
    "a netlink socket": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close()",
    "inotify": "os.close(checked(libc.inotify_init1(0)))",
    "a limit of its own": "checked(libc.setrlimit(resource.RLIMIT_CORE, ctypes.create_string_buffer(16)))",
    "its parent's limits": "resource.prlimit(os.getpid(), resource.RLIMIT_NOFILE)",
    "outliving the host": "checked(libc.prctl(1, 0, 0, 0, 0))",
    "a scheduler of its own": "os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))",
    "a bigger pipe": "fcntl.fcntl(PIPE, 1031, 1 << 20)",
    "signals by descriptor": "fcntl.fcntl(PIPE, fcntl.F_SETOWN, os.getpid())",
    "a system v segment": "checked(libc.shmctl(checked(libc.shmget(0, 4096, 0o1600)), 0, 0))",
    "splicing": "libc.vmsplice.restype = ctypes.c_long; checked(libc.vmsplice(PIPE + 1, iovec(), 1, 0))",
}
ATTACK = """
import ctypes, fcntl, os, resource, signal, socket, struct
libc = ctypes.CDLL(None, use_errno=True)
PIPE = os.pipe()[0]
def checked(value):
    if value < 0:
        raise OSError(ctypes.get_errno(), "")
    return value
kept["text"] = ctypes.create_string_buffer(b"x" * 8)
def iovec():
    kept["iovec"] = ctypes.create_string_buffer(struct.pack("=QQ", ctypes.addressof(kept["text"]), 8))
    return kept["iovec"]
"""


@as_each
@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_what_works_without_the_filter_is_refused_under_it(identity, attack):
    code = f"{ATTACK}{TRIED}def action():\n    {attack}\nresult = tried(action)"
    ended = run(PLUGIN, code, identity)
    assert (ended.free, ended.confined) == ("done", "EPERM"), ended.errors


@as_each
def test_io_uring_is_absent(identity):
    """Nor does a free kernel always have it; where it has, a positive control is in the free run."""
    code = (
        RAW
        + f"""
kept["params"] = ctypes.create_string_buffer(120)
result = call({numbers(this_arch())["io_uring_setup"]}, 1, ctypes.addressof(kept["params"]))
"""
    )
    ended = run(PLUGIN, code, identity)
    assert ended.free in ("done", "ENOSYS", "EPERM")
    assert ended.confined == "ENOSYS"


# Takes twice the cap in a mapping of a given kind, touches every page, and says how much it then holds.
GREEDY = """
import ctypes, errno, mmap
size = {size}
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
address = libc.mmap(None, size, 3, {flags}, {descriptor}, 0)
if address == ctypes.c_void_p(-1).value:
    result = errno.errorcode[ctypes.get_errno()]
else:
    # From the top: a stack that grows down is touched so, and the rest does not mind.
    for at in range(size - 4096, -1, -4096):
        ctypes.memset(address + at, 1, 1)
    result = "holds it"
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    libc.munmap(address, size)
"""


@as_each
@pytest.mark.parametrize(
    ("flags", "descriptor"),
    [
        ("mmap.MAP_SHARED | mmap.MAP_ANONYMOUS", "-1"),
        ("mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x100", "-1"),  # MAP_GROWSDOWN
        ("mmap.MAP_SHARED", "kept.setdefault('fd', None) or make()"),
    ],
    ids=["shared anonymous", "growing down", "a memfd"],
)
def test_memory_that_passes_by_rlimit_data_is_refused_where_that_is_the_cap(identity, flags, descriptor):
    """The free run shows the way past the cap; the private mapping of the same size shows that there is a cap."""
    private = GREEDY.format(size=2 * MEMORY, flags="mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS", descriptor="-1")
    make = f"""
import os
def make():
    fd = os.memfd_create("m")
    os.ftruncate(fd, {2 * MEMORY})
    return fd
"""
    greedy = GREEDY.format(size=2 * MEMORY, flags=flags, descriptor=descriptor)
    code = f"{private}\ncapped = result{make}try:\n"
    code += "\n".join("    " + line for line in greedy.splitlines())
    code += "\nexcept OSError as error:\n    result = errno.errorcode[error.errno]\nresult = [capped, result]"
    ended = run(STRICT, code, identity, data_bytes=MEMORY)
    assert ended.free == ["ENOMEM", "holds it"], ended.errors
    assert ended.confined == ["ENOMEM", "EPERM"], ended.errors


def test_a_datagram_pair_that_could_speak_to_any_named_socket_is_refused(tmp_path):
    code = (
        TRIED
        + f"""
import os, socket
path = {str(tmp_path / "s")!r}
def speak():
    with socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0] as pair:
        pair.sendto(b"hello", path)
if not confined:
    kept["listening"] = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    kept["listening"].bind(path)
def stream():
    a, b = socket.socketpair()
    a.sendall(b"x")
    assert b.recv(1) == b"x"
result = [tried(speak), tried(stream)]
"""
    )
    ended = run(PLUGIN, code, IDENTITIES[0])
    assert ended.free == ["done", "done"], ended.errors
    assert ended.confined == ["EPERM", "done"], ended.errors


@as_each
def test_threads_that_were_there_before_come_under_the_filter_too(identity):
    code = (
        TRIED
        + """
import queue, socket, threading
def work():
    while True:
        kept["out"].put(tried(lambda: socket.socket().close()) if kept["in"].get() else None)
if not confined:
    kept.update({"in": queue.Queue(), "out": queue.Queue()})
    threading.Thread(target=work, daemon=True).start()
kept["in"].put(True)
result = kept["out"].get()
"""
    )
    ended = run(PLUGIN, code, identity)
    assert (ended.free, ended.confined) == ("done", "EPERM"), ended.errors


@as_each
def test_without_a_pid_namespace_it_signals_itself_and_not_its_parent(identity):
    code = (
        TRIED
        + """
import os, signal
signal.signal(signal.SIGUSR1, lambda *_: None)
result = [
    tried(lambda: os.kill(os.getpid(), signal.SIGUSR1)),
    tried(lambda: signal.raise_signal(signal.SIGUSR1)),
    tried(lambda: os.kill(kept.setdefault("other", os.getppid()), 0)),
]
"""
    )
    ended = run(STRICT, code, identity)
    assert ended.free == ["done"] * 3, ended.errors
    assert ended.confined == ["done", "done", "EPERM"], ended.errors


# --- the alarm


class Listening:
    """Hears every attempt, until the process is gone or a limit of attempts is reached."""

    def __init__(self, *, passes: int = 0, most: int = 8) -> None:
        self.heard: list[str] = []
        self.pids: list[int] = []
        self._passes = passes
        self._most = most

    def __call__(self, listener: int) -> None:
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        try:
            while len(self.heard) < self._most:
                ready = poll.poll(BOUND_S * 1000)
                assert ready, f"nothing came in {BOUND_S} s; heard {self.heard}"
                if not ready[0][1] & select.POLLIN:
                    return
                attempt = receive(listener)
                if attempt is None:
                    continue
                self.heard.append(attempt.syscall)
                self.pids.append(attempt.pid)
                if len(self.heard) <= self._passes:
                    let_pass(listener, attempt)
                else:
                    refuse(listener, attempt)
        finally:
            os.close(listener)


def attempts(*names):
    calls = ", ".join(f"call({numbers(this_arch())[name]}, -1, 0, 0, 0, 0)" for name in names)
    return RAW + f"result = [{calls}, os.getpid()]"


@as_each
def test_the_alarm_names_the_call_and_the_process_and_the_call_fails(identity):
    hear = Listening()
    names = ("ptrace", "bpf", "unshare", "keyctl", "userfaultfd", "mount_setattr")
    ended = listening(PLUGIN, attempts(*names), identity, hear, free=False)
    assert hear.heard == list(names), ended.errors
    *answers, pid = ended.confined
    assert answers == ["EPERM"] * len(names)
    assert hear.pids == [pid] * len(names)


@as_each
def test_once_the_listener_is_closed_the_kernel_refuses_by_itself(identity):
    hear = Listening(most=1)
    ended = listening(PLUGIN, attempts("ptrace", "bpf", "ptrace"), identity, hear, free=False)
    assert hear.heard == ["ptrace"]
    assert ended.confined[:3] == ["EPERM", "ENOSYS", "ENOSYS"], ended.errors


@as_each
def test_the_first_exec_passes_and_the_second_does_not(identity):
    """`once`: the shell is the sandbox's doing, what it would exec is not."""
    hear = Listening(passes=1)
    code = "import os; os.execv('/bin/sh', ['sh', '-c', 'echo started; exec /bin/echo again'])"
    ended = listening(SeccompProfile(exec="once"), code, identity, hear, free=False)
    assert hear.heard == ["execve"] * len(hear.heard)
    assert len(hear.heard) >= 2
    assert ended.code == 126, ended  # the shell's word for what it may not run


@as_each
def test_no_second_listener_can_be_made_and_no_filter_added(identity):
    code = """
    from host.sandbox.seccomp.install import *
    from host.sandbox.seccomp.programs import build
    from host.sandbox.seccomp.profiles import SeccompProfile
    from host.sandbox.seccomp.syscalls import this_arch
    try:
        install(build(SeccompProfile(), this_arch(), alarm=True), FILTER_FLAG_NEW_LISTENER)
    except OSError as error:
        result = [error.errno, error.filename]
    """
    ended = listening(PLUGIN, code, identity, os.close, free=False)
    assert ended.confined == [errno.EPERM, "seccomp"], ended.errors


def test_without_no_new_privs_an_ordinary_user_gets_an_error_and_no_filter():
    if os.geteuid() != 0:
        pytest.skip("the identity is dropped from root in this test")
    code = f"""
    import os
    from host.sandbox.seccomp.install import *
    from host.sandbox.seccomp.programs import build
    from host.sandbox.seccomp.profiles import SeccompProfile
    from host.sandbox.seccomp.syscalls import this_arch
    os.setresuid({65534}, {65534}, {65534})
    try:
        install(build(SeccompProfile(), this_arch(), alarm=False), FILTER_FLAG_TSYNC)
    except OSError as error:
        result = [error.errno, error.filename]
    print('{{"run": "free", "result": [%d, "%s"]}}' % tuple(result), flush=True)
    os._exit(0)
    """
    assert run(PLUGIN, code, "itself").free == [errno.EACCES, "seccomp"]
