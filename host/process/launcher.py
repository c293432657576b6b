"""Starts confined programs: keeps the spawners that make them, and a few children parked ahead of need.

Theory of operation. There is one plain spawner, and one zygote for each set of modules to have loaded; each is
started when first needed and replaced when it dies; what it has made lives on. Ahead of need there are cells (cell.py),
a few of each kind that was asked for, and parked children, confined for one plugin, for its next start. How one child
comes to run is in attempt.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from host.clock import Clock
from host.process.attempt import CONFINE_S, Attempt, NotHeldError, Parked, Tools, Witness
from host.process.cell import Cell, kind_of, make_cell
from host.process.child import Child, LaunchError
from host.process.spawner.link import SpawnerError, SpawnerLink
from host.process.spec import Confinement, LaunchSpec
from host.process.watchdog import Watchdog
from host.tasks import Background

__all__ = ["NotHeldError", "SandboxLauncher", "Tools", "Witness"]

log = logging.getLogger(__name__)

PARK_AFTER_S = 1.0
CELLS_AFTER_S = 0.05  # whoever was just started answers first
FORKS_OF_A_ZYGOTE = 1000  # siblings share the layout of addresses: not for ever


class SandboxLauncher:
    """Satisfies `Launcher`. To be closed with `aclose`, after all children have been seen to their end."""

    def __init__(self, clock: Clock, tools: Tools) -> None:
        self._clock = clock
        self._tools = tools
        self._watchdog = Watchdog()
        self._links: dict[tuple[str, ...], SpawnerLink] = {}
        self._opening: dict[tuple[str, ...], asyncio.Lock] = {}
        self._retired: list[SpawnerLink] = []
        self._background = Background()
        self._wanted: dict[str, LaunchSpec] = {}  # to be parked, or parked, for whoever is kept alive
        self._parked: dict[str, Parked] = {}
        self._parking: set[str] = set()
        self._cells: dict[tuple[tuple[str, ...], str], list[Cell]] = {}
        self._making: set[tuple[tuple[str, ...], str]] = set()

    async def launch(self, spec: LaunchSpec) -> Child:
        """Starts *spec* in its sandbox; returns when it is confined and its program begins.

        A parked child of the same spec is taken if there is one.

        Raises:
            LaunchError: It was not started; says which step failed. Nothing of it is left.
        """
        parked = self._parked.pop(spec.name, None)
        if parked is not None:
            if parked.is_fit(spec):
                return parked.run(self._clock, self._watchdog)
            parked.discard()
        parked = await self._park(spec)
        return parked.run(self._clock, self._watchdog)

    async def park(self, spec: LaunchSpec) -> None:
        """Keeps a child of *spec* ready, confined and waiting for its word, for the next launch of that name.

        Nothing of the author's has run in it. It costs some MB; over `places` of them, no more are kept.

        Raises:
            LaunchError: As `launch`.
        """
        if spec.name in self._parked or len(self._parked) + len(self._parking) >= self._tools.places:
            return
        if spec.name in self._parking:
            return
        self._parking.add(spec.name)
        try:
            parked = await self._park(spec)
        finally:
            self._parking.discard(spec.name)
        self._parked[spec.name] = parked

    def park_soon(self, spec: LaunchSpec) -> None:
        """Parks a child of *spec* in a moment, when its start is worth it: one that is exec'd takes most of its time
        after its word, and one on the machine's own root has a scratch folder for itself alone.
        """
        confinement = spec.confinement
        if confinement is not None and confinement.preload and confinement.plan["own_pids"]:
            self._wanted[spec.name] = spec
            self._background.start(self._park_later(spec), name=f"park:{spec.name}")

    async def _park_later(self, spec: LaunchSpec) -> None:
        await asyncio.sleep(PARK_AFTER_S)  # whoever is being started now comes first
        if self._wanted.get(spec.name) is not spec:
            return
        try:
            await self.park(spec)
        except LaunchError as error:
            log.warning("launcher.not_parked", extra={"program": spec.name, "why": str(error)})
        if self._wanted.get(spec.name) is not spec:
            self._discard(spec.name)

    def unpark(self, name: str) -> None:
        """Ends the parked child of that name, if there is one, and parks no other."""
        self._wanted.pop(name, None)
        self._discard(name)

    def _discard(self, name: str) -> None:
        if (parked := self._parked.pop(name, None)) is not None:
            parked.discard()

    async def _park(self, spec: LaunchSpec) -> Parked:
        confinement = spec.confinement
        if confinement is None:
            raise LaunchError(f"{spec.name} has no plan for its sandbox; start it with LocalLauncher")
        try:
            link = await self._link(confinement.preload)
            cell = self._take_cell(link, confinement)
            return await Attempt(spec, confinement, self._tools).park(link, cell)
        except SpawnerError as error:
            raise LaunchError(f"{spec.name} could not be confined, so it was not run: {error}") from error
        except NotHeldError as error:
            raise LaunchError(
                f"{spec.name} was ended before it ran, since it is not held as ordered: {error}"
            ) from error
        except TimeoutError as error:
            raise LaunchError(f"{spec.name} did not come to be confined within {CONFINE_S:g} s") from error
        except OSError as error:
            raise LaunchError(f"cannot start {spec.name}: {error.strerror or error}") from error

    def _take_cell(self, link: SpawnerLink, confinement: Confinement) -> Cell | None:
        """One that is ready, of this launch's kind; others are made in a moment."""
        if not self._tools.cells or not confinement.reusable:
            return None
        kind = (confinement.preload, kind_of(confinement.plan, confinement.group is not None))
        cells = self._cells.setdefault(kind, [])
        if kind not in self._making:
            self._making.add(kind)
            self._background.start(self._make_cells(kind, confinement), name="cells")
        while cells:
            cell = cells.pop()
            if cell.link is link and cell.is_fit:
                return cell
            cell.discard()
        return None

    async def _make_cells(self, kind: tuple[tuple[str, ...], str], confinement: Confinement) -> None:
        try:
            await asyncio.sleep(CELLS_AFTER_S)
            groups = self._tools.groups if confinement.group is not None else None
            while len(self._cells[kind]) < self._tools.cells:
                link = await self._link(confinement.preload)
                self._cells[kind].append(await make_cell(link, confinement.plan, groups, self._tools.witness))
        except (OSError, SpawnerError, NotHeldError) as error:
            log.warning("launcher.no_cell", extra={"why": str(error)})
        finally:
            self._making.discard(kind)

    async def warm(self, preload: tuple[str, ...]) -> None:
        """Starts the zygote for *preload* ahead of need; that it cannot be is said when it is needed."""
        with contextlib.suppress(SpawnerError):
            await self._link(preload)

    async def aclose(self) -> None:
        """Ends all spawners, and what is parked."""
        await self._background.aclose()
        for name in list(self._parked):
            self.unpark(name)
        for cell in [each for cells in self._cells.values() for each in cells]:
            cell.discard()
        self._cells.clear()
        for link in (*self._links.values(), *self._retired):
            link.close()
        self._links.clear()
        self._retired.clear()

    def spawner_pids(self) -> dict[tuple[str, ...], int]:
        """The spawners that run, by what they have preloaded."""
        return {preload: link.pid for preload, link in self._links.items() if link.alive}

    async def _link(self, preload: tuple[str, ...]) -> SpawnerLink:
        async with self._opening.setdefault(preload, asyncio.Lock()):
            link = self._links.get(preload)
            if link is not None and link.alive and not (preload and link.launches >= FORKS_OF_A_ZYGOTE):
                return link
            if link is not None and link.alive:
                self._retired.append(link)  # its children live on, and die with it
            tools = self._tools
            # -S: the plain spawner needs no site, and is ready in half of the time.
            options = ("-I", "-B") if preload else ("-I", "-S", "-B")
            more = ("--preload", ",".join(preload)) if preload else ()
            self._retired = [each for each in self._retired if not each.close_if_idle()]
            opened = await SpawnerLink.open((tools.python, *options), tools.program, tools.env, *more)
            self._links[preload] = opened
            log.info("spawner.started", extra={"pid": opened.pid, "preload": list(preload)})
            return opened
