"""Attacks by programs out of files: becoming another program, and running code that came from a file."""

# The system call is the subject: plain calls.
# ruff: noqa: PTH101, PTH110

import mmap
import os
import shutil
from pathlib import Path

from .registry import attack, own_python, success_mark, told, unless

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .registry import Scene


@attack("programs.exec-interpreter", command_may=True, stopped_by="seccomp", alarm="execve")
def exec_interpreter(scene: "Scene") -> str:
    """becomes another program: a fresh interpreter"""
    python, environment = own_python()
    os.execve(python, told("programs.exec-interpreter"), environment)


@attack("programs.exec-shell", command_may=True, stopped_by="landlock mounts seccomp", alarm="execve")
def exec_shell(scene: "Scene") -> str:
    """becomes a shell of the machine"""
    os.execve("/bin/sh", ["sh", "-c", f"echo {success_mark('programs.exec-shell')} >&2"], {})


@attack("programs.exec-from-scratch", stopped_by="landlock mounts seccomp", alarm="execve")
def exec_from_scratch(scene: "Scene") -> str:
    """writes a program into its scratch folder and becomes it"""
    python, environment = own_python()
    copy = shutil.copy(python, Path(scene["scratch"]) / "program")
    os.chmod(copy, 0o700)
    os.execve(copy, told("programs.exec-from-scratch"), environment)


@attack("programs.exec-memfd", stopped_by="seccomp")
def exec_memfd(scene: "Scene") -> str:
    """writes a program into memory and becomes it"""
    python, environment = own_python()
    descriptor = os.memfd_create("program")
    os.write(descriptor, Path(python).read_bytes())
    os.execve(descriptor, told("programs.exec-memfd"), environment)


@attack("programs.exec-by-loader", stopped_by="mounts seccomp", alarm="execve")
def exec_by_loader(scene: "Scene") -> str:
    """has the dynamic loader, which may run, run a program of its scratch folder, which may not"""
    python, environment = own_python()
    copy = str(shutil.copy(python, Path(scene["scratch"]) / "program"))
    loaders = ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1")
    loader = next((each for each in loaders if os.path.exists(each)), "")
    unless(loader, "there is no loader here")
    os.execve(loader, [loader, copy, *told("programs.exec-by-loader")[1:]], environment)


@attack("programs.map-code-from-scratch", stopped_by="mounts")
def map_code_from_scratch(scene: "Scene") -> str:
    """maps a file of its scratch folder as code, as a library it wrote itself would be"""
    path = Path(scene["scratch"]) / "library"
    path.write_bytes(bytes(4096))
    with path.open("rb") as file:
        mmap.mmap(file.fileno(), 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC).close()
    return "mapped"
