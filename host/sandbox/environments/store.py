"""The environments of one host: made when first asked for, shared by all who ask for the same, kept for later.

Theory of operation. An environment's name is a hash of everything that decides what is in it: the interpreter, the
SDK's own needs, and the requirements in a fixed order, wheels by their contents. It is built in a folder aside, under
a lock, and renamed into place when it is whole; so a name that exists is an environment that can be used, whoever
made it. What is there is never changed. A build that failed leaves nothing but its reason.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import importlib.util
import json
import logging
import os
import platform
import pwd
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import msgspec

from host.clock import Clock
from host.process.child import LaunchError, LocalLauncher
from host.process.hearing import hear_out
from host.process.spec import LaunchSpec, ResourceLimits
from host.sandbox.environments.installers import Argv, EnvironmentPolicy, Place, installers_environment, steps
from host.sandbox.environments.requirements import RequirementError, Requirements, read_requirements
from host.sandbox.environments.wheels import WheelError, check_wheel
from host.sandbox.interpreter import Interpreter, readable_folders, sdk_folder
from host.sandbox.refusals import RefusedError
from host.tasks import finish

log = logging.getLogger(__name__)

_ASIDE = ".building-"
_NAME_DIGITS = 24
_SAID_LINES = 6
_FILE_BYTES = 2 * 2**30
_OPEN_FILES = 1024
_UMASK = 0o022  # plugins read it as somebody else
_LEAST_PATH = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"


class EnvironmentStore:
    """The environments below one folder. To be closed with `aclose`."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        policy: EnvironmentPolicy | None = None,
        *,
        find_uv: Callable[[], str | None] = lambda: shutil.which("uv"),
    ) -> None:
        self._folder = folder.absolute()
        self._launcher = LocalLauncher(clock)
        self._policy = (policy or EnvironmentPolicy()).absolute()
        self._find_uv = find_uv
        self._builds: dict[str, asyncio.Task[Path]] = {}
        self._one = asyncio.Semaphore(1)  # installers take a core and the network each

    async def interpreter(self, python: tuple[str, ...], folder: Path) -> Interpreter:
        """The interpreter of the environment with the packages *python*, made first if it is not there.

        Others who ask for the same meanwhile wait for the same build; it goes on when this is cancelled.

        Args:
            python: As in the manifest of the plugin in *folder*.

        Raises:
            RefusedError: It cannot be made; says what, why, and what would help.
        """
        try:
            asked = await asyncio.to_thread(read_requirements, python, folder)
            name = await asyncio.to_thread(environment_name, asked)
        except (RequirementError, OSError) as error:
            raise RefusedError(f"its Python packages cannot be installed: {error}") from error
        final = self._folder / name
        if not final.is_dir():
            task = self._builds.get(name)
            if task is None:
                task = asyncio.create_task(self._build(name, asked), name=f"environment:{name}")
                task.add_done_callback(lambda _: self._builds.pop(name, None))
                task.add_done_callback(_heard)
                self._builds[name] = task
            await asyncio.shield(task)
        try:
            return await asyncio.to_thread(_interpreter, final)
        except OSError as error:
            raise RefusedError(
                f"its environment {final} cannot be used: {error}; remove that folder"
            ) from error

    async def aclose(self) -> None:
        """Ends the builds that still go on; nothing of them is left."""
        builds = list(self._builds.values())
        for task in builds:
            task.cancel()
        await asyncio.gather(*builds, return_exceptions=True)

    async def _build(self, name: str, asked: Requirements) -> Path:
        final = self._folder / name
        async with self._one:
            try:
                await asyncio.to_thread(_clear_up, self._folder)
                # Not in a thread: what a thread makes for somebody who is cancelled meanwhile is nobody's.
                aside, lock = _make_aside(self._folder)
            except OSError as error:
                raise RefusedError(
                    f"no environment can be made in {self._folder}: {error.strerror}"
                ) from error
            try:
                await self._fill(aside, final, asked)
            except (RequirementError, WheelError, LaunchError, OSError) as error:
                raise RefusedError(f"its Python packages cannot be installed: {error}") from error
            finally:
                await finish(asyncio.to_thread(shutil.rmtree, aside, ignore_errors=True))
                os.close(lock)
        return final

    async def _fill(self, aside: Path, final: Path, asked: Requirements) -> None:
        root = aside / "environment"
        place = Place(root, final, root / _LEAST_PATH, self._folder / ".cache")
        wheels = await asyncio.to_thread(_take_wheels, asked, aside / "wheels")
        uv = self._find_uv()
        if uv is None and importlib.util.find_spec("pip") is None:
            raise RequirementError("neither uv nor pip is installed beside the host; install one of them")
        began = asyncio.get_running_loop().time()
        log.info("environment.building", extra={"environment": final.name, "by": "uv" if uv else "pip"})
        for argv in steps(uv, self._policy, place, [*asked.named, *wheels]):
            await self._run(argv, aside, uv, began)
        await asyncio.to_thread(_complete, root, place.packages)
        try:
            root.rename(final)
        except OSError:
            if not final.is_dir():  # another host was quicker
                raise
        took = asyncio.get_running_loop().time() - began
        log.info("environment.built", extra={"environment": final.name, "took_s": round(took, 1)})

    async def _run(self, argv: Argv, aside: Path, uv: str | None, began: float) -> None:
        temporary = aside / "tmp"
        temporary.mkdir(exist_ok=True)
        spec = LaunchSpec(
            name="an installer",
            argv=argv,
            cwd=str(temporary),
            env=installers_environment(_home(temporary), temporary, uv, os.environ),
            limits=ResourceLimits(
                data_bytes=self._policy.memory_bytes, file_bytes=_FILE_BYTES, open_files=_OPEN_FILES
            ),
            umask=_UMASK,
            nice=10,
        )
        left = began + self._policy.build_timeout_s - asyncio.get_running_loop().time()
        child = await self._launcher.launch(spec)
        _, report = await hear_out(child, within_s=max(left, 0.1))
        if (
            report.exit_code != 0 and "compileall" not in argv
        ):  # a file that does not compile need not be used
            said = " ".join(line.strip() for line in child.output.tail(_SAID_LINES) if line.strip())
            # An installer that had no time to fail has said nothing of why it ended.
            why = (
                f"{report.summary}: {said}" if report.cause == "timeout" and said else said or report.summary
            )
            raise RequirementError(f"{why}; {_remedy(self._policy)}")


def environment_name(asked: Requirements) -> str:
    """A hash of all that decides what is in the environment; reads the wheels.

    Raises:
        OSError: A wheel cannot be read.
    """
    decides = {
        "python": [platform.python_implementation(), sys.version, EXTENSION_SUFFIXES[0]],
        "base": sys.base_prefix,
        "msgspec": msgspec.__version__,
        "named": asked.named,
        "wheels": [[each.name, each.path.name, _digest(each.path)] for each in asked.vendored],
    }
    return hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:_NAME_DIGITS]


def _home(otherwise: Path) -> Path:
    """Of the host's user, by the system's own account of it."""
    try:
        return Path(pwd.getpwuid(os.geteuid()).pw_dir)
    except KeyError:
        return otherwise  # a container's made-up user


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _take_wheels(asked: Requirements, folder: Path) -> list[str]:
    """Copies the wheels to where nobody else writes, and checks the copies; they, as an installer takes them."""
    folder.mkdir()
    taken = []
    for number, each in enumerate(asked.vendored):
        (folder / str(number)).mkdir()
        copy = folder / str(number) / each.path.name
        shutil.copyfile(each.path, copy)
        check_wheel(copy)
        taken.append(f"{each.name} @ {copy.as_uri()}")
    return taken


def _clear_up(folder: Path) -> None:
    """Makes *folder*, and removes what hosts that died left half made in it."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{_ASIDE}*"):
        try:
            lock = _lock(left)
        except OSError:
            continue  # somebody builds there
        shutil.rmtree(left, ignore_errors=True)
        os.close(lock)


def _make_aside(folder: Path) -> tuple[Path, int]:
    """A folder to build in, with a lock on it that lasts as long as this process."""
    aside = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=folder))
    return aside, _lock(aside)


def _lock(folder: Path) -> int:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _complete(root: Path, packages: Path) -> None:
    """What no installer does: the SDK's one need, unless it is there, and a folder to find the SDK in."""
    if not (packages / "msgspec").exists():
        # The host's own copy: it is the one that the SDK was tried with, and no network is needed for it.
        source = Path(msgspec.__file__).parent
        shutil.copytree(source, packages / "msgspec")
    (root / "sdk").mkdir(mode=0o755)
    for path in (root, root / "sdk"):
        path.chmod(0o755)


def _interpreter(root: Path) -> Interpreter:
    sdk, link = sdk_folder(), root / "sdk" / "plugin_sdk"
    if not link.is_symlink() or str(link.readlink()) != sdk:  # of a host that was installed elsewhere
        fresh = link.with_name(f".{secrets.token_hex(6)}")  # two may come here at once
        fresh.symlink_to(sdk)
        fresh.replace(link)
    folders = readable_folders(sys.base_prefix, str(root), sdk)
    return Interpreter(str(root / "bin" / "python"), folders, sdk=str(link))


def _remedy(policy: EnvironmentPolicy) -> str:
    where = policy.index_url or "the installer's own index"
    return (
        f"looked for in {where}{f' and {policy.find_links}' if policy.find_links else ''}, wheels alone; correct "
        "[dependencies] in plugin.toml, or say where the packages are in the host's [environments]"
    )


def _heard(task: asyncio.Task[Path]) -> None:
    if not task.cancelled():
        task.exception()  # whoever waited has been told; that nobody did is no fault
