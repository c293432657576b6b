"""The doctor: which layers this machine has, whether they hold, and what would help where one is missing.

Nothing is read from settings of the kernel. A sandbox is opened as a host would open it, and canaries are let loose
in it; each of them is also let loose without it, since an attack that fails everywhere shows nothing.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import replace

import msgspec

from host.clock import Clock
from host.sandbox.canaries.trial import CanaryResult, try_all
from host.sandbox.cgroup.delegation import REMEDY as GROUP_REMEDY
from host.sandbox.machine import Machine, Tier, at_least, layers
from host.sandbox.opening import OpenSandbox, open_sandbox
from host.sandbox.policy import SandboxPolicy
from host.sandbox.probe import REMEDIES

ACCEPTING = "--allow-weak-sandbox"
TIERS_SAY: dict[Tier, str] = {
    "A": "namespaces, Landlock, seccomp and limits hold a plugin",
    "B": "seccomp and limits hold a plugin, in a system bwrap",
    "C": "Landlock, seccomp and limits hold a plugin, without namespaces",
    "D": "seccomp and limits hold a plugin, without Landlock",
    "none": "without seccomp nothing holds a plugin to anything",
}


class Layer(msgspec.Struct, rename="camel", frozen=True):
    """One layer. `why` and `remedy` are of one that is missing."""

    name: str
    active: bool
    what: str = ""
    why: str = ""
    remedy: str = ""


class Diagnosis(msgspec.Struct, rename="camel", frozen=True):
    """Everything that was found.

    Fields:
        holds: A host with this policy starts plugins here, and no canary got out.
        verdict: The same in a sentence; where it does not hold, with the flag that accepts it, if one does.
        accept: That flag.
        user: Whom the host would be running as.
    """

    tier: Tier
    min_tier: str
    isolation: str
    holds: bool
    verdict: str
    accept: str | None
    user: int
    kernel: str
    layers: list[Layer]
    canaries: list[CanaryResult]


async def examine(policy: SandboxPolicy, clock: Clock) -> Diagnosis:
    """Opens a sandbox and tries it, in less than a second on an idle machine."""
    # As weak as it comes: what it is worth is what we are here to find out.
    opened = await open_sandbox(replace(policy, isolation="best-effort"), clock)
    try:
        return await examine_opened(opened, policy, clock)
    finally:
        await opened.aclose()


async def examine_opened(opened: OpenSandbox, policy: SandboxPolicy, clock: Clock) -> Diagnosis:
    """The same for a sandbox that is open."""
    machine = opened.sandbox.machine
    if machine is None:
        why = f"this platform is {sys.platform}; Linux has it"
        found = [Layer(name, False, why=why) for name in layers(Machine())]
        return diagnose(policy, "none", found, [])
    results = await try_all(opened.sandbox, opened.launcher, clock)
    return diagnose(policy, machine.tier, list(layers_of(machine)), results)


def diagnose(
    policy: SandboxPolicy, tier: Tier, found: list[Layer], canaries: list[CanaryResult]
) -> Diagnosis:
    """What follows from what was found. Pure but for the names of user and kernel."""
    reached = at_least(tier, policy.min_tier)
    out = [each.what for each in canaries if each.outcome == "succeeded" and not each.expected]
    accept = None
    if out:
        verdict = f"the sandbox does not hold: in it a plugin can {', '.join(out)}; run no plugins here, and report it"
    elif not reached:
        accept = ACCEPTING
        verdict = (
            f"this machine reaches tier {tier}, the policy wants {policy.min_tier}: no plugin is started; "
            f"`engine-ops serve {ACCEPTING}` starts plugins all the same"
        )
    else:
        verdict = f"tier {tier} is reached, the policy wants {policy.min_tier}: plugins are started"
    if policy.isolation == "off":
        verdict += "; but the configuration has isolation off, so none of it is used"
    return Diagnosis(
        tier=tier,
        min_tier=policy.min_tier,
        isolation=policy.isolation,
        holds=reached and not out,
        verdict=verdict,
        accept=accept,
        user=os.geteuid() if sys.platform != "win32" else -1,
        kernel=f"{platform.system()} {platform.release()} {platform.machine()}",
        layers=found,
        canaries=canaries,
    )


def layers_of(machine: Machine) -> Iterator[Layer]:
    """Each layer in full, with what stands in for one that is missing."""
    for name, said in layers(machine).items():
        state, _, text = said.partition(": ")
        if state == "active":
            yield Layer(name, True, text)
        else:
            yield Layer(name, False, "", *_why_and_remedy(machine.why.get(name, text)))
        if name == "process":
            yield _ids(machine)
        if name == "seccomp" and machine.seccomp and not machine.listener:
            yield Layer("alarm", False, "", *_why_and_remedy(machine.why.get("alarm", "")))


def _ids(machine: Machine) -> Layer:
    inside = " (1000 for itself)" if machine.namespaces == "user" else ""
    if machine.drops_ids:
        return Layer("ids", True, f"a plugin is user {machine.uid}{inside}, the host is root")
    if machine.as_root:
        why, remedy = _why_and_remedy(machine.why.get("ids", ""))
        why = why or "plugins stay root (without its capabilities), since nobody's id does not exist here"
        return Layer("ids", False, why=why, remedy=remedy or "run the host as an ordinary user")
    why = "a plugin is the user that the host is; only root can give it another"
    return Layer("ids", False, why=why, remedy="run the host as a user that owns nothing else")


def _why_and_remedy(text: str) -> tuple[str, str]:
    for remedy in (*REMEDIES.values(), GROUP_REMEDY, "install the interpreter where everybody may read it"):
        if text.endswith(remedy):
            return text.removesuffix(remedy).removesuffix("; "), remedy
    return text, ""
