"""Has attacks performed, confined and unconfined, and says how each ended. `python -m tests.faults.arena --help`.

A process of its own, so that it can be run as another user than the tests are. Prints one JSON object a line: first
the machine, then the outcomes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import asdict
from typing import Any

import msgspec

from host.clock import SystemClock
from host.errors import PluginError
from host.process.child import Child, LaunchError
from host.process.launcher import SandboxLauncher
from host.process.spec import LaunchSpec
from host.rpc.client import PluginClient
from host.sandbox.machine import Machine
from host.sandbox.opening import OpenSandbox, open_sandbox
from host.sandbox.policy import SandboxPolicy
from plugin_sdk.contract.manifest import Manifest, parse_manifest
from plugin_sdk.contract.messages import InitializeParams, Peer, ProtocolRange, WireLimits

from .attacks.everything import ATTACKS, BEGINS, success_mark
from .attacks.registry import ANYONE, ROOT
from .outcome import Outcome, held, is_alive, told
from .variants import BARE, WHOLE, WITHOUT, as_command, lacking, outside_uid, single_layers, spec_for
from .world import VARIABLE, World

WITHIN_S = 30.0
SETTLE_S = 1.0  # a killed process takes some ms to be gone
MIB = 2**20
POLICY = SandboxPolicy(nice=5, scratch_inodes=512)
_SIZES: dict[str, Any] = {
    "memory_bytes": 448 * MIB,  # the cap is 256
    "scratch_bytes": 16 * MIB,
    "scratch_inodes": POLICY.scratch_inodes,
    "tasks": POLICY.tasks,
    "open_files": POLICY.open_files,
    "cpu_cores": 0.2,
}
_PROCESSORS = "resources.processors"  # the one attack that is given so little of them


class Arena:
    """The real sandbox and a world of decoys."""

    def __init__(self, opened: OpenSandbox, machine: Machine, manifest: Manifest) -> None:
        assert isinstance(opened.launcher, SandboxLauncher)
        self.machine = machine
        self._launcher = opened.launcher
        self._manifest = manifest
        self._worlds: list[World] = []
        self._word = "word-" + secrets.token_hex(16)
        self._name = "name-" + secrets.token_hex(16)
        self._own = os.geteuid()
        self._loop = asyncio.get_running_loop()

    @contextlib.asynccontextmanager
    async def world(self) -> AsyncIterator[World]:
        """A world in which nothing has been touched; it is thrown away if something is afterwards."""
        made = self._worlds.pop() if self._worlds else World({self._own, self.machine.uid})
        self._loop.add_reader(made.giver.fileno(), made.give)
        kept = False
        try:
            yield made
            kept = not made.changes()
        finally:
            self._loop.remove_reader(made.giver.fileno())
            if kept:
                self._worlds.append(made)
            else:
                made.close()

    @property
    def _backwards(self) -> dict[str, str]:
        # Forwards the words would be found in the memory of whoever is asked to search for them.
        return {"word_backwards": self._word[::-1], "name_backwards": self._name[::-1]}

    @contextlib.asynccontextmanager
    async def sibling(self) -> AsyncIterator[None]:
        """Another plugin, forked from the same zygote before all attackers, with a word of its own and a telling name."""
        async with self.world() as world:
            folder = world.base / self._name
            shutil.copytree(world.folder, folder)
            folder.chmod(0o755)
            scratch = world.fresh_scratch(self._own)
            manifest = msgspec.structs.replace(self._manifest, name="sibling")
            spec = spec_for("zygote", POLICY, self.machine, manifest, folder, scratch)
            child = await self._launcher.launch(spec)
            client = PluginClient("sibling", child.stdout_fd, child.stdin_fd)
            try:
                hello = self._hello({"password": self._word})
                await client.call("initialize", hello, deadline=self._loop.time() + WITHIN_S)
                yield
            finally:
                client.close("all attacks are over")
                child.kill("stopped", "all attacks are over")
                await asyncio.shield(child.exited)
                child.close_pipes()

    def close(self) -> None:
        """Ends the worlds."""
        while self._worlds:
            self._worlds.pop().close()

    async def confined(self, name: str, variant: str) -> Outcome:
        """Performs an attack in a plugin of the real sandbox."""
        async with self.world() as world:
            outcome = Outcome(name, variant)
            began = time.monotonic()
            scratch = world.fresh_scratch(self._own)
            manifest = self._manifest
            if name == _PROCESSORS:
                limits = msgspec.structs.replace(manifest.limits, cpu_cores=_SIZES["cpu_cores"])
                manifest = msgspec.structs.replace(manifest, limits=limits)
            if variant == "command":
                manifest = as_command(manifest, name)
            spec = spec_for(variant, POLICY, self.machine, manifest, world.folder, scratch)
            uid = outside_uid(spec, self._own)
            if uid != self._own and os.geteuid() == 0:
                os.chown(scratch, uid, uid)
            try:
                child = await self._launcher.launch(spec)
                assert spec.confinement is not None
                spawner = self._launcher.spawner_pids()[tuple(spec.confinement.preload)]
            except LaunchError as error:
                outcome.summary = str(error)
                return outcome
            try:
                # Behind less than all layers a stand-in is at risk: the real one's end would be that of others too.
                scene = self._scene(world, uid, spec, spawner if variant in WHOLE else None)
                ask = self._converse if variant == "command" else self._ask
                await ask(child, name, scene, outcome)
            finally:
                outcome.held = held(child) if child.alive else {}
                outcome.changes = await self._changes(world, outcome)
                if not is_alive(spawner):
                    outcome.changes.append("a spawner ended")
                if child.alive:
                    child.kill("stopped", "the attack is over")
                report = await asyncio.shield(child.exited)
                child.close_pipes()
                told(outcome, report, child.output.tail(256))
                outcome.took_s = round(time.monotonic() - began, 3)
            return outcome

    def _scene(self, world: World, uid: int, spec: LaunchSpec, spawner: int | None) -> dict[str, Any]:
        scene = world.scene(uid, spawner, folder=spec.cwd, scratch=spec.env["HOME"])
        return {**scene, **_SIZES, **self._backwards}

    async def _ask(self, child: Child, name: str, scene: dict[str, Any], outcome: Outcome) -> None:
        client = PluginClient("attacker", child.stdout_fd, child.stdin_fd, on_log=child.output.note)
        deadline = self._loop.time() + WITHIN_S
        try:
            await client.call("initialize", self._hello(), deadline=deadline)
            client.opened()
            order = msgspec.json.encode({"input": {"attack": name, "scene": scene}})
            raw = await client.call("predict", order, deadline=deadline)
            answer = msgspec.json.decode(raw)["prediction"]
            outcome.take(answer)
        except PluginError as error:
            outcome.detail = f"no answer: {error}"
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2):
                    await asyncio.shield(child.exited)
        finally:
            client.close("the attack is over")

    async def _converse(self, child: Child, name: str, scene: dict[str, Any], outcome: Outcome) -> None:
        """With a program of its own: the scene in, the result out."""
        line, ended = b"", self._loop.create_future()

        def read() -> None:
            nonlocal line
            data = os.read(child.stdout_fd, 65536)
            line += data
            if (not data or b"\n" in data) and not ended.done():
                ended.set_result(None)

        self._loop.add_reader(child.stdout_fd, read)
        try:
            async with asyncio.timeout(WITHIN_S):
                os.write(child.stdin_fd, json.dumps(scene).encode() + b"\n")
                await ended
                if line:
                    outcome.take(json.loads(line))
                else:
                    await asyncio.shield(child.exited)
        except (TimeoutError, OSError) as error:
            outcome.detail = f"no answer: {error!r}"
        finally:
            self._loop.remove_reader(child.stdout_fd)

    async def _changes(self, world: World, outcome: Outcome) -> list[str]:
        """What was touched; where the attacker says that it has done something, that is given time to show."""
        until = self._loop.time() + SETTLE_S
        while not (changes := world.changes()) and outcome.succeeded and self._loop.time() < until:
            if ATTACKS[outcome.attack].judged == "inside":
                break
            await asyncio.sleep(0.01)
        return changes

    def _hello(self, config: dict[str, Any] | None = None) -> bytes:
        return msgspec.json.encode(
            InitializeParams(
                protocol=ProtocolRange(),
                host=Peer("engine-ops", "0"),
                plugin=Peer(self._manifest.name, self._manifest.version),
                instance=secrets.token_hex(8),
                epoch=1,
                handles=list(self._manifest.handles),
                config=config or {},
                limits=WireLimits(),
            )
        )

    async def free(self, name: str) -> Outcome:
        """Performs an attack in a plain process: it is to succeed."""
        async with self.world() as world:
            outcome = Outcome(name, "free")
            scratch = world.fresh_scratch(self._own)
            scene = {
                **world.scene(self._own, None, folder=str(world.folder), scratch=str(scratch)),
                **_SIZES,
                **self._backwards,
            }
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", "-B", str(world.folder / "attacks" / "alone.py"), name),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={VARIABLE: world.token, "PATH": os.environ.get("PATH", "")},
                close_fds=False,  # as a careless host would
                limit=MIB,
            )
            assert process.stdin and process.stdout and process.stderr
            line = b""
            try:
                async with asyncio.timeout(WITHIN_S):
                    process.stdin.write(json.dumps(scene).encode() + b"\n")
                    line = await process.stdout.readline()
                    if line:
                        outcome.take(json.loads(line))
                    outcome.changes = await self._changes(world, outcome)
                    process.stdin.close()
                    text = (await process.stderr.read()).decode(errors="replace")
                    await process.wait()
            except TimeoutError:
                text = "it took too long"
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            if not line:
                outcome.detail = "\n".join(text.splitlines()[-3:])
            outcome.began = BEGINS in text
            outcome.succeeded = outcome.succeeded or success_mark(name) in text
            return outcome


async def fight(
    variants: Iterable[str], names: Iterable[str], *, every: bool, use_groups: bool, at_once: int
) -> None:
    """Performs all of *names* in all of *variants*, and prints the outcomes.

    Args:
        every: Even those of which the table says nothing.
    """
    opened = await open_sandbox(POLICY, SystemClock(), use_groups=use_groups)
    try:
        machine = opened.sandbox.machine
        assert machine is not None
        layers = single_layers(machine)
        print(json.dumps({"machine": asdict(machine) | {"tier": machine.tier}, "layers": layers}), flush=True)
        from .world import MANIFEST

        arena = Arena(opened, machine, parse_manifest(MANIFEST.encode()))
        try:
            gate = asyncio.Semaphore(at_once)

            async def one(name: str, variant: str) -> None:
                async with gate:
                    run = arena.free(name) if variant == "free" else arena.confined(name, variant)
                    print(json.dumps(asdict(await run)), flush=True)

            names = list(names)
            async with arena.sibling():
                several = {"single": layers, "without": [WITHOUT + layer for layer in lacking(machine)]}
                for variant in variants:
                    for each in several.get(variant, (variant,)):
                        async with asyncio.TaskGroup() as group:
                            for name in names:
                                if every or shows(name, each, machine.as_root):
                                    group.create_task(one(name, each))
        finally:
            arena.close()
    finally:
        await opened.aclose()


def shows(name: str, variant: str, as_root: bool) -> bool:
    """Whether the table says something of how that attack ends in that variant."""
    row = ATTACKS[name]
    stopped_by = row.layers(as_root)
    if variant in WHOLE:
        return True
    if variant == "free":
        return row.control == ANYONE or (row.control == ROOT and as_root)
    if variant == BARE:
        return bool(stopped_by)
    if variant.startswith(WITHOUT):
        return bool(left(stopped_by, variant))
    return variant in stopped_by


def left(stopped_by: frozenset[str], variant: str) -> frozenset[str]:
    """The layers that are still there in a variant without one."""
    lost = {variant.removeprefix(WITHOUT)}
    return stopped_by - (lost | {"mounts", "ids"} if "namespaces" in lost else lost)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    choices = [*WHOLE, BARE, "free", "single", "without"]
    parser.add_argument("--variants", default="zygote", help=f"of {', '.join(choices)} or a layer, by commas")
    parser.add_argument(
        "--every", action="store_true", help="even where the table says nothing of the outcome"
    )
    parser.add_argument("--attacks", default="", help="of the table, by commas; all if not given")
    parser.add_argument("--without-groups", action="store_true")
    parser.add_argument("--at-once", type=int, default=2)
    given = parser.parse_args()
    names = given.attacks.split(",") if given.attacks else list(ATTACKS)
    os.environ[VARIABLE] = "the host's own"
    asyncio.run(
        fight(
            given.variants.split(","),
            names,
            every=given.every,
            use_groups=not given.without_groups,
            at_once=given.at_once,
        )
    )


if __name__ == "__main__":
    main()
