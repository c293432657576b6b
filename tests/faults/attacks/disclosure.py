"""Attacks on what a plugin was not given: environment, descriptors, other processes' memory, names of the machine."""

# The system call is the subject: plain calls.
# ruff: noqa: PTH115

import ctypes
import os
import stat
import sys
from pathlib import Path

from .calls import call, failure, libc
from .registry import ROOT, Held, attack, unless

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .registry import Scene

_MIB = 2**20


@attack("disclosure.environment", stopped_by="base")
def environment(scene: "Scene") -> str:
    """finds a secret of the host in its own environment"""
    unless(scene["variable"] in os.environ, " ".join(sorted(os.environ)))
    return f"{scene['variable']} is there"


@attack("disclosure.first-environment", stopped_by="base")
def first_environment(scene: "Scene") -> str:
    """finds it in the environment that the kernel keeps from the start of the program, which a zygote cannot clear"""
    text = Path("/proc/self/environ").read_bytes()
    unless(scene["variable"].encode() in text, f"{len(text)} bytes without it")
    return f"{scene['variable']} is there"


@attack("disclosure.descriptor-of-file", stopped_by="base")
def descriptor_of_file(scene: "Scene") -> str:
    """reads a file that the host left open for its children"""
    for descriptor, _ in _inherited():
        if os.fstat(descriptor).st_ino == scene["secret_inode"]:
            unless(scene["token"].encode() in os.pread(descriptor, 1000, 0), "another file")
            return f"descriptor {descriptor}"
    raise Held("no such descriptor")


@attack("disclosure.descriptor-of-folder", stopped_by="base")
def descriptor_of_folder(scene: "Scene") -> str:
    """walks away from a folder that the host left open, out of any root"""
    folders = [descriptor for descriptor, mode in _inherited() if stat.S_ISDIR(mode)]
    for descriptor in folders:
        try:
            file = os.open(Path(scene["secret"]).name, os.O_RDONLY, dir_fd=descriptor)
        except FileNotFoundError:
            continue
        if scene["token"].encode() in os.read(file, 1000):
            return f"descriptor {descriptor}"
    raise Held(f"{len(folders)} folders are open")


@attack("disclosure.descriptor-of-socket", stopped_by="base")
def descriptor_of_socket(scene: "Scene") -> str:
    """finds a socket of the host, as the one that launches are asked for on"""
    for descriptor, mode in _inherited():
        if stat.S_ISSOCK(mode):
            return f"descriptor {descriptor}"
    raise Held("no socket is open")


@attack("disclosure.descriptor-of-process", stopped_by="base")
def descriptor_of_process(scene: "Scene") -> str:
    """finds a pidfd or a listener: a handle on another process"""
    for descriptor, _ in _inherited():
        try:
            target = os.readlink(f"/proc/self/fd/{descriptor}")
        except OSError as error:
            raise Held("no /proc to tell") from error
        if "pidfd" in target or "seccomp" in target or os.fstat(descriptor).st_ino == scene["pidfd_inode"]:
            return f"descriptor {descriptor} is {target}"
    raise Held("none")


@attack("disclosure.arguments", stopped_by="landlock mounts")
def arguments(scene: "Scene") -> str:
    """reads the command lines of other processes"""
    for folder in _processes():
        if scene["marker"].encode() in (folder / "cmdline").read_bytes():
            return f"read {folder}"
    raise Held("nobody else's")


@attack("disclosure.processes", stopped_by="landlock mounts")
def processes(scene: "Scene") -> str:
    """lists the processes of the machine"""
    unless(str(scene["victim"]) in os.listdir("/proc"), "the victim is not among them")
    return f"{len(list(_processes()))} processes"


@attack("disclosure.environment-of-another", stopped_by="landlock mounts namespaces")
def environment_of_another(scene: "Scene") -> str:
    """reads the environment of another process of its user"""
    text = Path(f"/proc/{scene['victim']}/environ").read_bytes()
    unless(scene["token"].encode() in text, "without the secret")
    return f"{len(text)} bytes"


@attack("disclosure.memory-of-another", stopped_by="landlock mounts namespaces")
def memory_of_another(scene: "Scene") -> str:
    """reads the memory of another process of its user through /proc"""
    descriptor = os.open(f"/proc/{scene['victim']}/mem", os.O_RDONLY)
    return _is_token(os.pread(descriptor, len(scene["token"]), scene["victim_address"]), scene)


@attack("disclosure.memory-of-host", stopped_if_root="base", stopped_if_not="landlock mounts namespaces")
def memory_of_host(scene: "Scene") -> str:
    """opens the host's memory"""
    os.close(os.open(f"/proc/{scene['host']}/mem", os.O_RDONLY))
    return "opened"


@attack("disclosure.layout-of-another", stopped_by="landlock mounts namespaces")
def layout_of_another(scene: "Scene") -> str:
    """reads where another process has its memory"""
    text = Path(f"/proc/{scene['victim']}/maps").read_text()
    return f"{len(text.splitlines())} areas"


@attack("disclosure.open-files-of-another", stopped_by="landlock mounts namespaces")
def open_files_of_another(scene: "Scene") -> str:
    """opens again, through /proc, what another process of its user has open"""
    folder = Path(f"/proc/{scene['victim']}/fd")
    for each in folder.iterdir():
        if scene["secret"] == os.readlink(each):
            unless(scene["token"] in each.read_text(), "another file")
            return f"read {each}"
    raise Held("none of them")


@attack(
    "disclosure.process-vm-readv", stopped_by="landlock mounts namespaces seccomp", alarm="process_vm_readv"
)
def process_vm_readv(scene: "Scene") -> str:
    """reads the memory of another process of its user with process_vm_readv"""
    buffer = ctypes.create_string_buffer(len(scene["token"]))
    ours = (ctypes.c_ulong * 2)(ctypes.addressof(buffer), len(buffer))
    theirs = (ctypes.c_ulong * 2)(scene["victim_address"], len(scene["token"]))
    call("process_vm_readv", scene["victim"], ours, 1, theirs, 1, 0)
    return _is_token(buffer.raw[: len(scene["token"])], scene)


@attack("disclosure.leftovers", control="none", why_not="a process started by exec has nobody's leftovers")
def leftovers(scene: "Scene") -> str:
    """searches its own memory, which its zygote had before it, for what another plugin was told"""
    return _search(scene["word_backwards"])


@attack(
    "disclosure.leftover-names", control="none", why_not="a process started by exec has nobody's leftovers"
)
def leftover_names(scene: "Scene") -> str:
    """searches it for the name of another plugin's folder"""
    return _search(scene["name_backwards"])


@attack("disclosure.hostname", machine="own hostname", stopped_by="mounts")
def hostname(scene: "Scene") -> str:
    """learns the machine's name"""
    name = os.uname().nodename
    unless(name == scene["hostname"], name)
    return name


@attack("disclosure.shared-memory", stopped_by="namespaces seccomp")
def shared_memory(scene: "Scene") -> str:
    """reads System V shared memory that another process has made for all"""
    segment = call("shmget", scene["shm_key"], 0, 0)
    at = libc.shmat(segment, None, 0o10000)
    if at == ctypes.c_void_p(-1).value:
        raise failure()
    return _is_token(ctypes.string_at(at, len(scene["token"])), scene)


@attack("disclosure.sockets-of-machine", stopped_by="landlock mounts namespaces")
def sockets_of_machine(scene: "Scene") -> str:
    """reads which ports are listened on"""
    text = Path("/proc/self/net/tcp").read_text()
    unless(f":{scene['tcp_port']:04X} " in text, "the listener is not among them")
    return "the listener is among them"


@attack("disclosure.mounts", stopped_by="landlock mounts")
def mounts(scene: "Scene") -> str:
    """learns what is mounted where on the machine"""
    text = Path("/proc/self/mountinfo").read_text()
    unless(" /sys/" in text or " /dev/pts " in text, f"{len(text.splitlines())} mounts, all its own")
    return f"{len(text.splitlines())} mounts"


@attack("disclosure.memory-of-machine", stopped_by="landlock mounts")
def memory_of_machine(scene: "Scene") -> str:
    """reads /proc/meminfo"""
    return Path("/proc/meminfo").read_text().splitlines()[0]


@attack("disclosure.kernel-messages", control=ROOT, stopped_if_root="base")
def kernel_messages(scene: "Scene") -> str:
    """asks for the kernel's log"""
    return f"{call('syslog', 10, None, 0)} bytes of room"


@attack("disclosure.control-groups", stopped_by="landlock mounts")
def control_groups(scene: "Scene") -> str:
    """lists the groups of the machine"""
    return " ".join(os.listdir("/sys/fs/cgroup")[:5])


@attack("disclosure.hosts-modules", control="none", why_not="no program is its own host")
def host_modules(scene: "Scene") -> str:
    """finds the host's modules, which its zygote had loaded, and what they hold"""
    held = [name for name in sys.modules if name == "host" or name.startswith("host.")]
    unless(held, "none is loaded")
    return " ".join(held)


@attack("disclosure.hosts-code", stopped_by="landlock mounts")
def hosts_code(scene: "Scene") -> str:
    """reads the host's own code"""
    path = Path(scene["repository"]) / "host" / "errors.py"
    return f"{len(path.read_bytes())} bytes of {path}"


def _search(backwards: str) -> str:
    # Both ways backwards: written forwards the word would be found where it is asked for. A second word is planted,
    # to show that the search finds what is there.
    planted = os.urandom(16).hex().encode()
    wanted, control, found_planted, seen = backwards.encode(), planted[::-1], False, 0
    for start, end in _writable_areas():
        for at in range(start, end, _MIB):
            # 64 bytes more than the step, so that a word across two steps is seen.
            data = ctypes.string_at(at, min(_MIB + 64, end - at))[::-1]
            seen += len(data)
            found_planted = found_planted or control in data
            if wanted in data:
                return f"found at {at:#x}"
    if not found_planted:
        raise RuntimeError("the search does not find what is there")
    raise Held(f"not in {seen >> 20} MiB")


def _inherited() -> "Iterator[tuple[int, int]]":
    for descriptor in range(3, 1024):
        try:
            yield descriptor, os.fstat(descriptor).st_mode
        except OSError:
            continue


def _processes() -> "Iterator[Path]":
    for each in Path("/proc").iterdir():
        if each.name.isdigit() and int(each.name) != os.getpid():
            yield each


def _writable_areas() -> "Iterator[tuple[int, int]]":
    for line in Path("/proc/self/maps").read_text().splitlines():
        area, rights, *_ = line.split()
        if rights == "rw-p":
            start, end = (int(each, 16) for each in area.split("-"))
            yield start, end


def _is_token(data: bytes, scene: "Scene") -> str:
    unless(data == scene["token"].encode(), f"{data!r}")
    return "read the secret"


@attack("disclosure.page-cache", stopped_by="seccomp", machine="RWF_NOWAIT")
def page_cache(scene: "Scene") -> str:
    """asks which files others have lately read: a read that must not wait fails where the disk would be asked"""
    room = ctypes.create_string_buffer(64)
    part = (ctypes.c_ulong * 2)(ctypes.addressof(room), 64)
    file = os.open(os.__file__, os.O_RDONLY)
    try:
        count = call("preadv2", file, part, 1, 0, 0, 8)  # RWF_NOWAIT
    except BlockingIOError:
        return "it is not there"
    finally:
        os.close(file)
    return f"{count} bytes are there"
