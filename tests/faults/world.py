"""What an attack could reach: decoys of every kind, and a look at whether any of them was touched.

Nothing of the machine's own is risked: secrets, victims and listeners are made for the purpose and end with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .attacks.calls import call, libc

ROOT = Path(__file__).resolve().parents[2]
VARIABLE = "ENGINE_OPS_ATTACK_SECRET"
MANIFEST = """[plugin]
name = "attacker"
version = "1.0.0"
handles = ["ml-driven"]
entry = "plugin:Plugin"

[limits]
memory = "256MiB"
cpu = 2.0
scratch = "16MiB"
"""
PLUGIN = """from attacks.everything import perform


class Plugin:
    def predict(self, input):
        return perform(input["attack"], input["scene"])
"""
_VICTIM = """import ctypes, os, sys
# Without capabilities, as attackers are: else those of a root's victim would be what stops them.
header, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
ctypes.CDLL(None).capset(header, none)
token = ctypes.create_string_buffer(os.environ["TOKEN"].encode())
file = open(sys.argv[1])
print(ctypes.addressof(token), file.fileno(), flush=True)
sys.stdin.read()
"""
IPC_RMID = 0


@dataclass
class Victim:
    """A process that does nothing, with a secret in its memory, its environment and its open files."""

    process: subprocess.Popen[str]
    address: int
    descriptor: int
    token: str
    limits: str

    def changes(self) -> list[str]:
        """What has been done to it."""
        pid = self.process.pid
        if self.process.poll() is not None:
            return [f"victim ended: {self.process.returncode}"]
        found = []
        try:
            with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
                if os.pread(memory.fileno(), len(self.token), self.address) != self.token.encode():
                    found.append("victim's memory was written")
            if os.getpriority(os.PRIO_PROCESS, pid) != os.getpriority(os.PRIO_PROCESS, 0):
                found.append("victim's priority was changed")
            if Path(f"/proc/{pid}/limits").read_text() != self.limits:
                found.append("victim's limits were changed")
        except OSError as error:  # it is about to end: killed, its memory is gone first
            found.append(f"victim cannot be looked at: {error}")
        return found

    def close(self) -> None:
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        self.process.wait()


class World:
    """One set of decoys. To be closed.

    Args:
        uids: Whose processes there are to be victims of.
    """

    def __init__(self, uids: set[int]) -> None:
        self._close = contextlib.ExitStack()
        try:
            self._make(uids)
        except BaseException:
            self.close()
            raise

    def _make(self, uids: set[int]) -> None:
        self.base = Path(tempfile.mkdtemp(prefix="engine-ops-attack-"))
        self._close.callback(shutil.rmtree, self.base, ignore_errors=True)
        self.base.chmod(0o755)
        self.token = "secret-" + secrets.token_hex(16)
        self.marker = "marker-" + secrets.token_hex(8)
        self._files(uids)
        self._folders()
        self._sockets()
        self.shm_key = secrets.randbelow(2**30) + 1
        self._shared_memory()
        self.victims = {uid: self._victim(uid) for uid in uids}
        self.spawners = {uid: self._victim(uid) for uid in uids}
        self._descriptors()
        self._before = self._state()

    def _files(self, uids: set[int]) -> None:
        data = self.base / "data"
        data.mkdir()
        data.chmod(0o755)
        self.secret = _file(data / "secret", self.token, 0o644)
        self.private = _file(data / "private", self.token, 0o600)
        self.writable = _file(data / "writable", self.token, 0o666)
        self.open_folder = self.base / "open"
        self.open_folder.mkdir()
        self.open_folder.chmod(0o777)
        self.deletable = _file(self.open_folder / "deletable", "here", 0o666)
        self.own_files = {}
        for uid in uids:
            self.own_files[uid] = _file(self.base / f"own-{uid}", "here", 0o644)
            os.chown(self.own_files[uid], uid, uid if os.geteuid() == 0 else -1)
        self.shm_file = _file(Path("/dev/shm") / f"engine-ops-{secrets.token_hex(6)}", self.token, 0o644)
        self._close.callback(self.shm_file.unlink, missing_ok=True)

    def _folders(self) -> None:
        self.folder = self.base / "attacker"
        attacks = self.folder / "attacks"
        attacks.mkdir(parents=True)
        for path in sorted((Path(__file__).parent / "attacks").glob("*.py")):
            _file(attacks / path.name, path.read_text(), 0o644)
        _file(self.folder / "plugin.toml", MANIFEST, 0o666)
        _file(self.folder / "plugin.py", PLUGIN, 0o666)
        _file(self.folder / "notes.txt", "nothing yet", 0o666)
        for each in (self.folder, attacks):
            each.chmod(0o777)
        self.sibling = self.base / "sibling"
        self.sibling.mkdir()
        self.sibling.chmod(0o755)
        manifest = MANIFEST.replace("attacker", "sibling") + f'\n[config]\npassword = "{self.token}"\n'
        tomllib.loads(manifest)
        _file(self.sibling / "plugin.toml", manifest, 0o644)
        self.sibling_scratch = self.base / "sibling-scratch"
        self.sibling_scratch.mkdir()
        self.sibling_scratch.chmod(0o755)
        _file(self.sibling_scratch / "kept", self.token, 0o644)

    def fresh_scratch(self, uid: int) -> Path:
        """An empty scratch folder for one attack by *uid*."""
        folder = Path(tempfile.mkdtemp(prefix="scratch-", dir=self.base))
        if os.geteuid() == 0:
            os.chown(folder, uid, uid)
        return folder

    def _sockets(self) -> None:
        self.tcp = self._listen(socket.AF_INET, ("127.0.0.1", 0))
        self.tcp6 = None
        with contextlib.suppress(OSError):
            self.tcp6 = self._listen(socket.AF_INET6, ("::1", 0))
        self.udp = self._bound(("127.0.0.1", 0), socket.AF_INET)
        self.unix_path = str(self.open_folder / "listener")
        self.unix = self._listen(socket.AF_UNIX, self.unix_path)
        self.giver_path = str(self.open_folder / "giver")
        self.giver = self._listen(socket.AF_UNIX, self.giver_path)
        self.datagram_path = str(self.open_folder / "datagrams")
        self.datagrams = self._bound(self.datagram_path, socket.AF_UNIX)
        for path in (self.unix_path, self.giver_path, self.datagram_path):
            Path(path).chmod(0o777)
        self.abstract_name = "engine-ops-attack-" + secrets.token_hex(6)
        self.abstract = self._listen(socket.AF_UNIX, "\0" + self.abstract_name)
        self.squat_name = "engine-ops-squat-" + secrets.token_hex(6)

    def _listen(self, family: int, address: Any) -> socket.socket:
        listener = socket.socket(family)
        self._close.callback(listener.close)
        listener.bind(address)
        listener.listen()
        listener.setblocking(False)
        return listener

    def _bound(self, address: Any, family: int) -> socket.socket:
        bound = socket.socket(family, socket.SOCK_DGRAM)
        self._close.callback(bound.close)
        bound.bind(address)
        bound.setblocking(False)
        return bound

    def _shared_memory(self) -> None:
        segment = call("shmget", self.shm_key, 4096, 0o1666)
        self._close.callback(call, "shmctl", segment, IPC_RMID, None)
        at = libc.shmat(segment, None, 0)
        ctypes.memmove(at, self.token.encode(), len(self.token))
        libc.shmdt(ctypes.c_void_p(at))

    def _victim(self, uid: int) -> Victim:
        ids: dict[str, Any] = {}
        if os.geteuid() == 0 and uid != 0:
            ids = {"user": uid, "group": uid, "extra_groups": []}
        # The system's interpreter where there is one: ours may lie where this uid cannot go.
        python = next(each for each in ("/usr/bin/python3", sys.executable) if Path(each).exists())
        process = subprocess.Popen(
            [python, "-I", "-S", "-c", _VICTIM, str(self.secret), self.marker],
            env={"TOKEN": self.token},
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            **ids,
        )
        assert process.stdout is not None
        address, descriptor = (int(each) for each in process.stdout.readline().split())
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        victim = Victim(process, address, descriptor, self.token, limits)
        self._close.callback(victim.close)
        return victim

    def _descriptors(self) -> None:
        """What a careless host would leave open for its children."""
        pidfd = os.pidfd_open(os.getpid())
        self.pidfd_inode = os.fstat(pidfd).st_ino
        for descriptor in (
            os.open(self.secret, os.O_RDONLY),
            os.open(self.secret.parent, os.O_RDONLY),
            os.dup(self.tcp.fileno()),
            pidfd,
        ):
            os.set_inheritable(descriptor, True)
            self._close.callback(os.close, descriptor)

    def scene(self, uid: int, spawner: int | None, *, folder: str, scratch: str) -> dict[str, Any]:
        """What an attacker is told; more than it could find out by itself."""
        victim = self.victims[uid]
        disks = [
            f"/dev/{each.name}" for each in Path("/sys/block").glob("*") if Path(f"/dev/{each.name}").exists()
        ]
        return {
            "token": self.token,
            "marker": self.marker,
            "variable": VARIABLE,
            "secret": str(self.secret),
            "secret_inode": self.secret.stat().st_ino,
            "pidfd_inode": self.pidfd_inode,
            "private": str(self.private),
            "writable": str(self.writable),
            "open_folder": str(self.open_folder),
            "deletable": str(self.deletable),
            "own_file": str(self.own_files[uid]),
            "shm_file": str(self.shm_file),
            "sibling": str(self.sibling),
            "sibling_scratch": str(self.sibling_scratch),
            "repository": str(ROOT),
            "disk": (disks or ["/dev/no-disk"])[0],
            "group_file": str(group_file()),
            "folder": folder,
            "scratch": scratch,
            "hostname": os.uname().nodename,
            "host": os.getpid(),
            "spawner": spawner or self.spawners[uid].process.pid,
            "victim": victim.process.pid,
            "victim_address": victim.address,
            "victim_fd": victim.descriptor,
            "tcp_port": self.tcp.getsockname()[1],
            "tcp6_port": self.tcp6.getsockname()[1] if self.tcp6 else 9,
            "udp_port": self.udp.getsockname()[1],
            "unix_path": self.unix_path,
            "unix_abstract": self.abstract_name,
            "unix_datagram": self.datagram_path,
            "unix_squat": self.squat_name,
            "giver": self.giver_path,
            "shm_key": self.shm_key,
        }

    def changes(self) -> list[str]:
        """What has been touched since the world was made."""
        found = [
            change for each in (*self.victims.values(), *self.spawners.values()) for change in each.changes()
        ]
        now = self._state()
        for name, was in self._before.items():
            if now.get(name) != was:
                found.append(f"{name} was changed")
        found += [f"{name} is new" for name in now if name not in self._before]
        listeners = {"tcp": self.tcp, "tcp6": self.tcp6, "unix": self.unix, "abstract": self.abstract}
        for name, listener in listeners.items():
            with contextlib.suppress(BlockingIOError):
                if listener is not None:
                    listener.accept()[0].close()
                    found.append(f"{name} was connected to")
        for name, bound in {"udp": self.udp, "datagrams": self.datagrams}.items():
            with contextlib.suppress(BlockingIOError):
                bound.recv(1000)
                found.append(f"{name} was sent to")
        if f"@{self.squat_name}" in Path("/proc/net/unix").read_text():
            found.append("an abstract name was taken")
        return found

    def _state(self) -> dict[str, object]:
        state: dict[str, object] = {"hostname": os.uname().nodename}
        for folder in ("data", "open", "attacker", "sibling", "sibling-scratch"):
            for path in sorted((self.base / folder).rglob("*")):
                if path.is_file():
                    about = path.lstat()
                    state[str(path)] = (path.read_bytes(), about.st_mode, about.st_mtime_ns)
                else:
                    state[str(path)] = "a folder or socket"
        for path in self.own_files.values():
            about = path.lstat()
            attributes = os.listxattr(path) if about.st_size else []
            state[str(path)] = (about.st_mode, about.st_mtime_ns, attributes)
        return state

    def give(self) -> None:
        """Hands an open file to whoever has connected to the giver."""
        with contextlib.suppress(BlockingIOError):
            channel, _ = self.giver.accept()
            with channel, self.secret.open("rb") as file:
                socket.send_fds(channel, [b"x"], [file.fileno()])

    def close(self) -> None:
        """Ends and removes all of it."""
        self._close.close()


def _file(path: Path, text: str, mode: int) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def group_file() -> Path:
    """Where a process could move itself out of its group."""
    for each in ("memory/cgroup.procs", "cgroup.procs"):
        if (Path("/sys/fs/cgroup") / each).exists():
            return Path("/sys/fs/cgroup") / each
    return Path("/sys/fs/cgroup/cgroup.procs")
