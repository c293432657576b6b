"""Attacks on files: reading and changing what is not the plugin's, ways around paths."""

# The system call is the subject: plain calls.
# ruff: noqa: PTH101, PTH104, PTH108, PTH116

import ctypes
import os
import socket
import stat
import sys
from pathlib import Path

from .calls import call
from .registry import ROOT, attack, unless

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .registry import Scene

MIB = 2**20


def _text(path: "str | Path", scene: "Scene") -> str:
    text = Path(path).read_text()
    unless(scene["token"] in text, "the file is not the one that was meant")
    return f"read {path}"


# --- reading


@attack("files.read-data", stopped_by="landlock mounts")
def read_data(scene: "Scene") -> str:
    """reads a file of the host's data folder that anyone may read"""
    return _text(scene["secret"], scene)


@attack("files.read-private", stopped_by="landlock mounts", stopped_if_root="ids namespaces")
def read_private(scene: "Scene") -> str:
    """reads a file that only the host's user may read"""
    return _text(scene["private"], scene)


@attack("files.read-shadow", control=ROOT, stopped_if_root="ids landlock mounts namespaces")
def read_shadow(scene: "Scene") -> str:
    """opens /etc/shadow"""
    os.close(os.open("/etc/shadow", os.O_RDONLY))
    return "opened"


@attack("files.list-sibling", stopped_by="landlock mounts")
def list_sibling(scene: "Scene") -> str:
    """lists another plugin's folder"""
    return " ".join(os.listdir(scene["sibling"]))


@attack("files.read-sibling", stopped_by="landlock mounts")
def read_sibling(scene: "Scene") -> str:
    """reads another plugin's manifest with its configuration"""
    return _text(Path(scene["sibling"]) / "plugin.toml", scene)


@attack("files.read-sibling-scratch", stopped_by="landlock mounts")
def read_sibling_scratch(scene: "Scene") -> str:
    """reads what another plugin of the same user keeps in its scratch folder"""
    return _text(Path(scene["sibling_scratch"]) / "kept", scene)


@attack("files.read-host-shm", stopped_by="landlock mounts")
def read_host_shm(scene: "Scene") -> str:
    """reads a file in the machine's /dev/shm"""
    return _text(scene["shm_file"], scene)


@attack("files.symlink", stopped_by="landlock mounts")
def symlink(scene: "Scene") -> str:
    """makes a symbolic link in its scratch folder and reads through it"""
    link = Path(scene["scratch"]) / "link"
    link.symlink_to(scene["secret"])
    return _text(link, scene)


@attack("files.symlinked-folder", stopped_by="landlock mounts")
def symlinked_folder(scene: "Scene") -> str:
    """links its scratch folder to a folder outside and lists through it"""
    link = Path(scene["scratch"]) / "folder"
    link.symlink_to(Path(scene["secret"]).parent, target_is_directory=True)
    return " ".join(os.listdir(link))


@attack("files.dotdot", stopped_by="landlock mounts")
def dotdot(scene: "Scene") -> str:
    """walks up from its own folder with ../ and down again"""
    return _text("../" * 40 + scene["secret"].lstrip("/"), scene)


@attack("files.dotdot-by-descriptor", stopped_by="landlock mounts")
def dotdot_by_descriptor(scene: "Scene") -> str:
    """opens its own folder and walks up from the descriptor"""
    here = os.open(".", os.O_PATH)
    for _ in range(40):
        here = os.open("..", os.O_PATH, dir_fd=here)
    file = os.open(scene["secret"].lstrip("/"), os.O_RDONLY, dir_fd=here)
    unless(scene["token"].encode() in os.read(file, 1000), "another file")
    return "read"


@attack("files.proc-self-root", stopped_by="landlock mounts")
def proc_self_root(scene: "Scene") -> str:
    """reads through /proc/self/root"""
    return _text("/proc/self/root" + scene["secret"], scene)


@attack("files.proc-self-cwd", stopped_by="landlock mounts")
def proc_self_cwd(scene: "Scene") -> str:
    """walks up from /proc/self/cwd"""
    return _text("/proc/self/cwd/" + "../" * 40 + scene["secret"].lstrip("/"), scene)


@attack("files.proc-root-of-another", stopped_by="landlock mounts namespaces")
def proc_root_of_another(scene: "Scene") -> str:
    """reads through /proc/PID/root of a process of the same user"""
    return _text(f"/proc/{scene['victim']}/root{scene['secret']}", scene)


@attack("files.hard-link", stopped_by="landlock mounts")
def hard_link(scene: "Scene") -> str:
    """makes a hard link to a foreign file in its scratch folder"""
    link = Path(scene["scratch"]) / "hard"
    os.link(scene["writable"], link)
    return _text(link, scene)


@attack("files.stat", stopped_by="mounts")
def stat_probe(scene: "Scene") -> str:
    """asks whether a file exists, and how large it is, without opening it"""
    return f"{os.stat(scene['secret']).st_size} bytes"


@attack("files.inotify", stopped_by="mounts seccomp")
def inotify(scene: "Scene") -> str:
    """watches the host's data folder for what happens in it"""
    watcher = call("inotify_init1", 0)
    call("inotify_add_watch", watcher, str(Path(scene["secret"]).parent).encode(), 0x100)
    return "watching"


@attack("files.handle", control=ROOT, stopped_if_root="base")
def handle(scene: "Scene") -> str:
    """opens a file by its handle, past all paths"""
    buffer = ctypes.create_string_buffer((128).to_bytes(4, "little") + bytes(132))
    mount_id = ctypes.c_int()
    call("name_to_handle_at", -100, scene["secret"].encode(), buffer, ctypes.byref(mount_id), 0)
    root = os.open(Path(scene["secret"]).parent, os.O_RDONLY)
    file = call("open_by_handle_at", root, buffer, os.O_RDONLY)
    unless(scene["token"].encode() in os.read(file, 1000), "another file")
    return "read"


@attack(
    "files.raw-disk", control=ROOT, machine="block device", stopped_if_root="ids landlock mounts namespaces"
)
def raw_disk(scene: "Scene") -> str:
    """opens the machine's disk as a device"""
    os.close(os.open(scene["disk"], os.O_RDONLY))
    return f"opened {scene['disk']}"


@attack("files.kernel-log", control=ROOT, stopped_if_root="base")
def kernel_log(scene: "Scene") -> str:
    """opens /dev/kmsg"""
    os.close(os.open("/dev/kmsg", os.O_RDONLY))
    return "opened"


# --- changing


@attack("files.write", judged="outside", stopped_by="landlock mounts")
def write(scene: "Scene") -> str:
    """overwrites a file that anyone may write"""
    Path(scene["writable"]).write_text("spoilt")
    return "written"


@attack("files.truncate", judged="outside", stopped_by="landlock mounts seccomp")
def truncate(scene: "Scene") -> str:
    """empties a foreign file by its path"""
    os.truncate(scene["writable"], 0)
    return "emptied"


@attack("files.create", judged="outside", stopped_by="landlock mounts")
def create(scene: "Scene") -> str:
    """makes a file in a folder that anyone may write"""
    (Path(scene["open_folder"]) / "new").write_text("new")
    return "made"


@attack("files.delete", judged="outside", stopped_by="landlock mounts")
def delete(scene: "Scene") -> str:
    """deletes a foreign file"""
    os.unlink(scene["deletable"])
    return "deleted"


@attack("files.rename", judged="outside", stopped_by="landlock mounts")
def rename(scene: "Scene") -> str:
    """renames a foreign file"""
    os.rename(scene["deletable"], scene["deletable"] + ".old")
    return "renamed"


@attack("files.own-folder", judged="outside", stopped_by="landlock mounts")
def own_folder(scene: "Scene") -> str:
    """changes its own code, so that its next start runs something that nobody has looked at"""
    with (Path(scene["folder"]) / "notes.txt").open("a") as file:
        file.write("changed")
    return "changed"


@attack("files.own-manifest", judged="outside", stopped_by="landlock mounts")
def own_manifest(scene: "Scene") -> str:
    """asks for more in its own manifest"""
    path = Path(scene["folder"]) / "plugin.toml"
    path.write_text(path.read_text() + '\n[limits]\nmemory = "4GiB"\n')
    return "written"


@attack("files.interpreter", control=ROOT, stopped_if_root="ids landlock mounts namespaces")
def interpreter(scene: "Scene") -> str:
    """opens a module of the shared interpreter for writing"""
    os.close(os.open(os.__file__, os.O_WRONLY | os.O_APPEND))
    return "opened for writing"


@attack("files.chmod", judged="outside", stopped_by="mounts seccomp")
def chmod(scene: "Scene") -> str:
    """changes the mode of a foreign file of its user"""
    os.chmod(scene["own_file"], 0o777)
    return "changed"


@attack("files.utime", judged="outside", stopped_by="mounts seccomp")
def utime(scene: "Scene") -> str:
    """changes the times of a foreign file of its user"""
    os.utime(scene["own_file"], (1, 1))
    return "changed"


@attack("files.setxattr", judged="outside", machine="user xattr", stopped_by="mounts seccomp")
def setxattr(scene: "Scene") -> str:
    """hangs an attribute on a foreign file of its user"""
    os.setxattr(scene["own_file"], "user.attack", b"1")
    return "set"


@attack("files.mknod", control=ROOT, stopped_if_root="base")
def mknod(scene: "Scene") -> str:
    """makes a device in its scratch folder"""
    os.mknod(Path(scene["scratch"]) / "device", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    return "made"


@attack("files.core-pattern", control=ROOT, stopped_if_root="ids landlock mounts namespaces")
def core_pattern(scene: "Scene") -> str:
    """opens /proc/sys/kernel/core_pattern for writing, which has the kernel run programs as root"""
    os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))
    return "opened"


@attack("files.sysfs", stopped_by="landlock mounts")
def sysfs(scene: "Scene") -> str:
    """reads /sys"""
    return " ".join(os.listdir("/sys/kernel"))


# --- mounts and roots


@attack("files.mount", control=ROOT, stopped_if_root="base", alarm="mount")
def mount(scene: "Scene") -> str:
    """mounts: of a file system that does not exist, so that permission alone is asked"""
    return _reaches(lambda: call("mount", b"none", scene["scratch"].encode(), b"no-such-fs", 0, None), 19)


@attack("files.umount", control=ROOT, stopped_by="seccomp", alarm="umount2")
def umount(scene: "Scene") -> str:
    """unmounts: of what is no mount"""
    return _reaches(lambda: call("umount2", scene["scratch"].encode() + b"/none", 0), 2)


@attack("files.pivot-root", control=ROOT, stopped_if_root="base", alarm="pivot_root")
def pivot_root(scene: "Scene") -> str:
    """changes the root: to a folder that is not there"""
    return _reaches(lambda: call("pivot_root", b"/no-such-folder", b"/no-such-folder"), 2)


@attack("files.open-tree", control=ROOT, stopped_if_root="base", alarm="open_tree")
def open_tree(scene: "Scene") -> str:
    """takes a detached copy of the mounts"""
    os.close(call("open_tree", -100, b"/", 1))
    return "taken"


@attack("files.fsopen", control=ROOT, stopped_if_root="base", alarm="fsopen")
def fsopen(scene: "Scene") -> str:
    """makes a file system of its own"""
    os.close(call("fsopen", b"tmpfs", 0))
    return "made"


@attack("files.chroot", control=ROOT, stopped_if_root="base", alarm="chroot")
def chroot(scene: "Scene") -> str:
    """breaks out of a root with a chroot into its scratch folder and a descriptor kept from before"""
    before = os.open(".", os.O_PATH)
    os.chroot(scene["scratch"])
    os.fchdir(before)
    for _ in range(40):
        os.chdir("..")
    return _text(scene["secret"].lstrip("/"), scene)


@attack("files.fanotify", stopped_by="seccomp")
def fanotify(scene: "Scene") -> str:
    """asks the kernel for reports on files"""
    os.close(call("fanotify_init", 0x200, 0))
    return "opened"


@attack("files.quota", control=ROOT, stopped_by="seccomp", alarm="quotactl")
def quota(scene: "Scene") -> str:
    """turns disk quotas off: on a device that is not there"""
    return _reaches(lambda: call("quotactl", 0x80000300, b"/no-such-device", 0, None), 2, 15, 19, 22)


@attack("files.swap", control=ROOT, stopped_if_root="base", alarm="swapon")
def swap(scene: "Scene") -> str:
    """turns swap on: on a file that is not there"""
    return _reaches(lambda: call("swapon", b"/no-such-file", 0), 2)


@attack("files.descriptor-by-socket", stopped_by="mounts seccomp")
def descriptor_by_socket(scene: "Scene") -> str:
    """is handed an open file by a helper outside, over a socket"""
    with socket.socket(socket.AF_UNIX) as channel:
        channel.connect(scene["giver"])
        _, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
    unless(scene["token"].encode() in os.read(descriptors[0], 1000), "another file")
    return f"read by {sys.platform}"


def _reaches(attempt: "object", *codes: int) -> str:
    """Whether the kernel got as far as looking at the arguments, which are bad on purpose."""
    try:
        attempt()  # type: ignore[operator]
    except OSError as error:
        if error.errno not in codes:
            raise
    return "permitted; only its arguments were bad"
