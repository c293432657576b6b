"""Every attack of the table: held in the sandbox, successful without it, and stopped by each layer that is said to.

The attacks are performed by `arena.py` in a process of its own: once as this user, and, where this user is root, once
more as nobody. What is asserted here are its accounts. `python -m tests.faults.arena --help` performs single ones.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from plugin_sdk.contract.manifest import parse_manifest

from .arena import left, shows
from .attacks.everything import ATTACKS, LAYERS, Attack
from .outcome import Outcome
from .variants import BARE, WHOLE, WITHOUT
from .world import MANIFEST

ROOT = Path(__file__).resolve().parents[2]
USERS = ("root", "nobody") if os.geteuid() == 0 else ("this user",)
VARIANTS = (*WHOLE, "free", BARE, "single", "without")
MISSING = tuple(f"{WITHOUT}{layer}" for layer in ("namespaces", "landlock", "seccomp"))
CAP_BYTES = parse_manifest(MANIFEST.encode()).limits.memory_bytes
WITHIN_S = 900.0  # some 70 s on two processors that have nothing else to do
_NAMESPACES = ("own_pid", "own_mnt", "own_net", "own_ipc", "own_uts", "own_cgroup")
# How a kernel says that it was made without something, or a container's that it hands something out to nobody.
ABSENT = (
    "ENOSYS",
    "ENOMEM",
    "EAFNOSUPPORT",
    "EPROTONOSUPPORT",
    "EADDRNOTAVAIL",
    "EOPNOTSUPP",
    "EIO",
    "EPERM",
)


@dataclass(frozen=True)
class Battle:
    """What one user's attacks came to.

    Attributes:
        layers: That can be had alone on this machine, by this user.
    """

    machine: dict[str, Any]
    layers: tuple[str, ...]
    outcomes: dict[tuple[str, str], Outcome]

    @property
    def as_root(self) -> bool:
        return bool(self.machine["as_root"])

    def of(self, name: str, variant: str) -> Outcome:
        """How it ended; that it was performed at all is asserted here, for a silent one shows nothing."""
        outcome = self.outcomes[name, variant]
        assert outcome.began, f"{name} was not performed as {variant}: {outcome.summary or outcome.detail}"
        assert not outcome.broken, f"{name} failed of itself as {variant}: {outcome.detail}"
        return outcome


@pytest.fixture(scope="session")
def battles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Battle]:
    """All attacks, performed once a session."""
    folder = tmp_path_factory.mktemp("arena")
    running = {}
    for user in USERS:
        with (folder / f"{user}.out").open("wb") as out, (folder / f"{user}.err").open("wb") as err:
            running[user] = subprocess.Popen(_command(user), cwd=ROOT, stdout=out, stderr=err)
    try:
        for user, process in running.items():
            assert process.wait(WITHIN_S) == 0, (folder / f"{user}.err").read_text()[-3000:]
    finally:
        for process in running.values():
            process.kill()
            process.wait()
    return {user: _read(folder / f"{user}.out") for user in USERS}


def _command(user: str) -> list[str]:
    arena = [sys.executable, "-B", "-m", "tests.faults.arena", "--variants", ",".join(VARIANTS)]
    if user != "nobody":
        return arena
    as_nobody = str(Path(__file__).with_name("as_nobody.py"))
    folders = [str(each) for each in (sys.base_prefix, sys.prefix, ROOT)]
    return [sys.executable, "-I", "-S", as_nobody, *folders, "--", *arena]


def _read(path: Path) -> Battle:
    first, *rest = (json.loads(line) for line in path.read_text().splitlines())
    outcomes = [Outcome(**each) for each in rest]
    return Battle(
        first["machine"],
        tuple(first["layers"]),
        {(each.attack, each.variant): each for each in outcomes},
    )


@pytest.fixture
def battle(user: str, battles: dict[str, Battle]) -> Battle:
    """One user's."""
    return battles[user]


def _where(holds: Callable[[Attack, bool], object], variants: tuple[str, ...] = ()) -> pytest.MarkDecorator:
    """For each user the attacks that there is something to say of, in each of *variants* if there are any."""
    found: list[tuple[str, ...]] = []
    for user in USERS:
        for name, row in sorted(ATTACKS.items()):
            if not holds(row, user == "root"):
                continue
            if not variants:
                found.append((user, name))
            # What a command is there to do is no attack by one.
            found += [(user, name, each) for each in variants if not (each == "command" and row.command_may)]
    return pytest.mark.parametrize(("user", "name", "variant") if variants else ("user", "name"), found)


every_user = pytest.mark.parametrize("user", USERS)


@pytest.mark.fault("bomb-all")
@_where(lambda row, as_root: True, WHOLE)
def test_in_the_sandbox_it_gets_nothing_and_touches_nothing(battle: Battle, name: str, variant: str) -> None:
    outcome = battle.of(name, variant)
    assert not outcome.won, f"{outcome.detail} {outcome.changes}"


@_where(lambda row, as_root: shows(row.id, "free", as_root))
def test_without_a_sandbox_it_succeeds(battle: Battle, name: str) -> None:
    """Or else that it was held would show nothing."""
    row = ATTACKS[name]
    outcome = battle.of(name, "free")
    if not outcome.won and row.machine:
        assert outcome.detail in ABSENT or "cores" in outcome.detail, outcome.detail
        pytest.skip(f"this machine cannot show it ({row.machine}): {outcome.detail}")
    assert outcome.won, outcome.detail


@_where(lambda row, as_root: row.layers(as_root))
def test_each_layer_that_is_said_to_stop_it_stops_it_alone(battle: Battle, name: str) -> None:
    """And behind none of them it succeeds, so that it is the layer that stops it."""
    row = ATTACKS[name]
    said = row.layers(battle.as_root)
    bare = battle.of(name, BARE)
    if "base" in said:
        assert not bare.won, f"{bare.detail} {bare.changes}"
    elif row.machine and not bare.won:
        pytest.skip(f"this machine cannot show it ({row.machine}): {bare.detail}")
    else:
        assert bare.won, f"it succeeds behind no layer at all, and yet: {bare.detail}"
    for layer in sorted(said.intersection(battle.layers)):
        alone = battle.of(name, layer)
        assert not alone.won, f"{layer} alone did not stop it: {alone.detail} {alone.changes}"


@_where(lambda row, as_root: any(left(row.layers(as_root), each) for each in MISSING))
def test_with_one_layer_missing_the_others_stop_it(battle: Battle, name: str) -> None:
    said = ATTACKS[name].layers(battle.as_root)
    had = {"namespaces", "landlock", "seccomp"}.intersection(battle.layers)
    for variant in MISSING:
        if variant.removeprefix(WITHOUT) not in had or not left(said, variant):
            continue
        outcome = battle.of(name, variant)
        assert not outcome.won, f"{variant}: {outcome.detail} {outcome.changes}"


@_where(lambda row, as_root: row.alarm, WHOLE)
def test_a_forbidden_call_ends_the_plugin_and_the_host_knows_which_it_was(
    battle: Battle, name: str, variant: str
) -> None:
    alarm, outcome = ATTACKS[name].alarm, battle.of(name, variant)
    if alarm == "execve" and variant != "exec":
        # A zygote's children never exec, so that the main filter refuses it without a word; and a command may.
        assert outcome.syscall == ""
        return
    assert outcome.cause == "seccomp", outcome.summary
    assert outcome.syscall == ("" if alarm == "foreign" else alarm)


@_where(lambda row, as_root: row.id.startswith("memory."), WHOLE)
def test_no_attack_on_memory_ever_held_more_than_a_quarter_over_the_cap(
    battle: Battle, name: str, variant: str
) -> None:
    peak = battle.of(name, variant).peak_bytes
    assert peak is not None, "neither a group nor the watchdog counted"
    assert peak <= 1.25 * CAP_BYTES


@every_user
@pytest.mark.parametrize("variant", WHOLE)
def test_the_kernel_says_that_the_layers_were_on(battle: Battle, variant: str) -> None:
    """Of attackers that lived long enough to be looked at, by the kernel's own account of them."""
    if battle.machine["tier"] != "A":
        pytest.skip(f"this machine reaches tier {battle.machine['tier']}: {battle.machine['why']}")
    seen = [each.held for (_, tried), each in battle.outcomes.items() if tried == variant and each.held]
    assert len(seen) > len(ATTACKS) / 2
    for held in seen:
        assert held["Seccomp"] == "2"
        assert held["NoNewPrivs"] == "1"
        assert int(held["CapEff"], 16) == int(held["CapBnd"], 16) == 0
        assert held["Uid"].split() == [str(battle.machine["uid"])] * 4
        assert held["NSpid"].split()[-1] in ("1", "2")
        # A process that is not dumpable, or is ending, does not show its namespaces.
        assert not [name for name in _NAMESPACES if held.get(name, True) is False]
    if variant != "zygote" or battle.as_root:
        assert any(all(held.get(name) for name in _NAMESPACES) for held in seen)


@every_user
def test_the_kernel_says_that_without_them_they_were_off(battle: Battle) -> None:
    """So the look above can fail."""
    seen = [each.held for (_, tried), each in battle.outcomes.items() if tried == BARE and each.held]
    assert seen
    assert {held["Seccomp"] for held in seen} <= {"0", "2"}  # 2 where a container's filter lies on us all
    assert not any(held.get(name) for name in _NAMESPACES for held in seen)


def test_the_table_is_whole() -> None:
    assert len(ATTACKS) >= 60
    for name, row in ATTACKS.items():
        assert row.what, f"{name} does not say what it is"
        assert row.layers(True) | row.layers(False) <= set(LAYERS), name
        assert row.control != "none" or row.why_not, f"{name} has no control and no reason why"
        # What no layer is said to stop is what cannot be shown to succeed.
        shown = row.control != "none" and not row.machine
        assert row.layers(True) or row.layers(False) or not shown, f"{name} names no layer"


def test_every_layer_stops_something_that_no_other_stops() -> None:
    """None may be skipped."""
    only: dict[str, set[str]] = {layer: set() for layer in LAYERS}
    for name, row in ATTACKS.items():
        for as_root in (True, False):
            stopped_by = row.layers(as_root)
            if len(stopped_by) == 1:
                only[next(iter(stopped_by))].add(name)
    for layer in ("base", "mounts", "seccomp", "rlimits", "cgroup", "watchdog"):
        assert only[layer], layer
