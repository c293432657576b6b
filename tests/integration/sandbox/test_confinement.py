"""What a plugin finds when it looks around, with the layers off as the control that it could find more."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from host.process.launcher import SandboxLauncher
from host.sandbox.policy import SandboxPolicy

from .prison import Prison

OFF = SandboxPolicy(isolation="off")
LOOK = "import os; answer = {path: sorted(os.listdir(path)) for path in %r}"


def tier_a(prison: Prison) -> Prison:
    """The prison, where namespaces can be had."""
    if prison.opened.sandbox.tier != "A":
        pytest.skip(f"NOT TIER A HERE: {prison.opened.sandbox.layers['namespaces']}")
    return prison


async def test_its_root_holds_what_it_was_given_and_nothing_else(prison):
    cell = await tier_a(prison).inmate()
    for path in (
        "/etc/shadow",
        "/sys",
        "/boot",
        "/proc/1/root",
        "/proc/kcore",
        "/proc/meminfo",
        str(prison.folder),
    ):
        told = await cell.run(f"import os; answer = os.path.exists({path!r})")
        assert told is False, path
    assert await cell.run("import os; answer = os.listdir('.'), os.getcwd()") == [
        ["plugin.py", "plugin.toml"],
        "/plugin",
    ]


async def test_with_the_layers_off_the_same_look_finds_the_machine(open_prison):
    """The positive control of the test above."""
    async with open_prison(OFF) as prison:
        cell = await prison.inmate()
        for path in ("/etc/passwd", "/sys", "/proc/meminfo", str(prison.folder)):
            assert await cell.run(f"import os; answer = os.path.exists({path!r})") is True, path
        assert "root" in await cell.run("answer = open('/etc/passwd').read()")


async def test_it_writes_to_its_scratch_folder_and_nowhere_else(prison):
    cell = await tier_a(prison).inmate()
    write = "import os; open({!r} + '/new', 'w').write('x'); answer = 'written'"
    assert await cell.run(write.format("/scratch")) == "written"
    assert await cell.run(write.format("/dev/shm")) == "written"
    for path in ("/", "/plugin", "/etc", "/dev", "/usr/lib", str(Path(os.__file__).parent)):
        told = await cell.attempt(write.format(path))
        assert told["raised"] in ("PermissionError", "OSError"), (path, told)
    assert not (prison.folder / "inmate" / "new").exists()
    assert await cell.run("import tempfile; answer = tempfile.gettempdir()") == "/scratch"


async def test_its_scratch_folder_is_full_at_its_limit(prison):
    cell = await tier_a(prison).inmate(more='[limits]\nscratch = "2MiB"\n')
    fill = (
        "f = open('/scratch/f', 'wb')\nfor _ in range({}): f.write(bytes(1024)); f.flush()\nanswer = f.tell()"
    )
    assert await cell.run(fill.format(1024)) == 1024 * 1024
    told = await cell.attempt(fill.format(4096))
    assert told["errno"] in (27, 28), told  # EFBIG, ENOSPC
    many = "import os\nfor n in range(10_000): open(f'/scratch/{n}', 'w').close()"
    assert (await cell.attempt(many))["errno"] == 28


async def test_its_environment_is_what_the_plan_says(prison):
    os.environ["A_SECRET_OF_THE_HOST"] = "x"
    try:
        spec = prison.spec(prison.write())
        cell = await prison.inmate()
        assert await cell.run("import os; answer = dict(os.environ)") == spec.env
    finally:
        del os.environ["A_SECRET_OF_THE_HOST"]


async def test_it_has_no_descriptor_but_its_own(prison):
    cell = await tier_a(prison).inmate()
    links = await cell.run(
        "import os\nanswer = {}\nfor fd in os.listdir('/proc/self/fd'):\n"
        "    try: answer[fd] = os.readlink('/proc/self/fd/' + fd), os.get_inheritable(int(fd))\n    except OSError: pass"
    )
    kinds = sorted(link.split(":")[0] for link, _ in links.values())
    # /dev/null as stdin, stderr twice, stdin and stdout moved aside for the protocol, and the runner's own pipe.
    assert kinds == ["/dev/null", *["pipe"] * 6], links


async def test_it_is_nobody_with_no_rights_alone_among_processes(prison):
    cell = await tier_a(prison).inmate()
    status = await cell.run(
        "answer = dict(l.split(':', 1) for l in open('/proc/self/status').read().splitlines())"
    )
    value = {name: text.strip() for name, text in status.items()}
    assert value["NoNewPrivs"] == "1"
    assert value["Seccomp"] == "2"
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(value[name], 16) == 0, name
    assert await cell.run("import os; answer = os.getuid(), os.getgid(), os.getgroups()[:1]") in (
        [1000, 1000, []],
        [1000, 1000, [1000]],
        [1000, 1000, [65534]],
    )
    assert await cell.run("import os; answer = sorted(p for p in os.listdir('/proc') if p.isdigit())") == [
        "2"
    ]
    assert await cell.run("import socket; answer = socket.gethostname()") == "plugin"


async def test_for_the_machine_it_is_not_root(prison):
    cell = await prison.inmate()
    owner = Path(f"/proc/{cell.child.pid}/environ").stat().st_uid
    status = Path(f"/proc/{cell.child.pid}/status").read_text()
    uids = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1:]
    assert set(uids) == ({"65534"} if os.geteuid() == 0 else {str(os.geteuid())})
    # Not dumpable: what is to be read of it, only root may read.
    assert owner == 0


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK", "AF_PACKET", "AF_VSOCK"])
async def test_it_reaches_no_network(prison, family):
    cell = await prison.inmate()
    told = await cell.attempt(f"import socket; socket.socket(socket.{family}, socket.SOCK_DGRAM)")
    assert told["errno"] == 1, told


async def test_it_starts_no_program_and_no_process(prison):
    cell = await prison.inmate()
    assert (await cell.attempt("import os; os.execv('/usr/bin/true', ['true'])"))["errno"] in (1, 2, 13)
    assert (await cell.attempt("import os; os.fork()"))["errno"] == 1
    assert (
        await cell.run(
            "import threading; t = threading.Thread(target=print); t.start(); t.join(); answer = 1"
        )
        == 1
    )


async def test_the_hosts_own_modules_are_not_there(prison):
    cell = await tier_a(prison).inmate()
    assert (await cell.attempt("import host"))["raised"] == "ModuleNotFoundError"
    assert await cell.run("import sys; answer = [n for n in sys.modules if n.split('.')[0] == 'host']") == []
    assert await cell.run("import sys; answer = [p for p in sys.path if p.endswith('/confine')]") == []


async def test_forks_of_one_zygote_draw_different_numbers(prison):
    prison.write(code="import numpy\nimport random\n")  # what it imports decides which zygote it comes from
    draw = "import random, numpy; random.seed(); answer = [random.getrandbits(64), int(numpy.random.randint(2**62))]"
    cells = [await prison.inmate(name=f"n{i}", code="import numpy\n" + _obedient()) for i in range(2)]
    first, second = [await cell.run("import uuid, secrets; answer = secrets.token_hex(8)") for cell in cells]
    assert first != second
    specs = {prison.spec(prison.folder / f"n{i}").confinement.preload for i in range(2)}
    assert len(specs) == 1
    assert "numpy" in specs.pop()
    assert (await cells[0].run(draw))[0] != (await cells[1].run(draw))[0]


def _obedient() -> str:
    from .prison import OBEDIENT

    return OBEDIENT


async def test_what_the_sandbox_claims_is_what_its_plugins_have(prison):
    cell = await prison.inmate()
    spec = cell.child.spec
    assert spec.tier == prison.opened.sandbox.tier
    assert spec.layers == prison.opened.sandbox.layers
    assert isinstance(prison.opened.launcher, SandboxLauncher)
