"""Opens the sandbox of one host: finds out what there is, and puts the parts together."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from pathlib import Path

from host.clock import Clock
from host.process.child import Launcher, LocalLauncher
from host.process.launcher import SandboxLauncher, Tools
from host.sandbox.alarm import AlarmTaker
from host.sandbox.attest import KernelsWitness
from host.sandbox.cgroup.delegation import CgroupUnavailableError
from host.sandbox.cgroup.manager import CgroupManager
from host.sandbox.policy import SandboxPolicy
from host.sandbox.probe import probe
from host.sandbox.sandbox import Sandbox, environment
from plugin_sdk.contract.manifest import Limits

log = logging.getLogger(__name__)

# For libraries that start a thread when they are loaded: a zygote must have none but its own. Arrow's allocator does,
# and pandas loads it, and scikit-learn pandas, where they are installed.
QUIET = {"JE_ARROW_MALLOC_CONF": "background_thread:false"}
PROGRAM = Path(__file__).resolve().parent / "confine" / "program.py"


@dataclass
class OpenSandbox:
    """A sandbox with what starts programs in it. To be closed when all its children have ended."""

    sandbox: Sandbox
    launcher: Launcher
    groups: CgroupManager | None = None

    async def aclose(self) -> None:
        """Ends the spawners and removes the groups."""
        if isinstance(self.launcher, SandboxLauncher):
            await self.launcher.aclose()
        if self.groups is not None:
            self.groups.close()


async def open_sandbox(
    policy: SandboxPolicy, clock: Clock, *, use_groups: bool = True, cells: int = Tools.cells
) -> OpenSandbox:
    """Tries what this machine offers, some 100 ms, and says what it came to.

    Args:
        use_groups: Without them, memory is held by what else there is.
        cells: Children made ahead of need, of each kind.
    """
    if policy.isolation == "off" or sys.platform != "linux":
        return OpenSandbox(Sandbox(policy), LocalLauncher(clock))
    groups, no_group = _groups() if use_groups else (None, "the host was told to go without")
    tools = Tools(
        program=PROGRAM,
        python=sys.executable,
        env=environment(Limits(threads=1), Path("/")) | QUIET,
        witness=KernelsWitness(),
        alarm=AlarmTaker,
        groups=groups,
        cells=cells,
    )
    launcher = SandboxLauncher(clock, tools)
    opened = OpenSandbox(Sandbox(policy), launcher, groups)
    try:
        machine = await probe(launcher, groups.describe if groups else None, no_group)
    except BaseException:
        await opened.aclose()
        raise
    opened.sandbox = Sandbox(policy, machine)
    log.info("sandbox.opened", extra={"tier": machine.tier, "layers": opened.sandbox.layers})
    return opened


def _groups() -> tuple[CgroupManager | None, str]:
    try:
        return CgroupManager.open(), ""
    except CgroupUnavailableError as error:
        return None, str(error)
