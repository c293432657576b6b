"""What several test folders share: a place for plugin folders, a way to write them, and a bound on waiting."""

from __future__ import annotations

import asyncio
import os
import signal
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

# No bound on an example's time, nor on its making: what they need on a busy machine says nothing of the code.
settings.register_profile("engine-ops", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("engine-ops")

# A shell without job control starts what runs beside it with Ctrl-C ignored, and so would be what the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Folders:
    """A plugins directory under the test's own folder."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def write(
        self, name: str, code: str | None = None, *, manifest: str = "", handles: str = '["ml-driven"]'
    ) -> Path:
        """A plugin folder with one module, `plugin.py`, whose entry is `plugin:Plugin`.

        The folder is made aside and renamed into place, as an operator should.

        Args:
            manifest: More lines of the manifest, after those of `[plugin]`; a table header of its own if needed.
        """
        aside = self.directory.parent / f".{name}.new"
        aside.mkdir()
        entry = 'entry = "plugin:Plugin"\n' if code is not None else ""
        head = f'[plugin]\nname = "{name}"\nversion = "1.0.0"\nhandles = {handles}\n{entry}'
        (aside / "plugin.toml").write_text(head + textwrap.dedent(manifest))
        if code is not None:
            (aside / "plugin.py").write_text(textwrap.dedent(code))
        return aside.rename(self.directory / name)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """An empty plugins directory."""
    return Folders(tmp_path / "plugins")


async def _eventually(condition: Callable[[], bool], within_s: float = 20.0) -> None:
    """Returns when *condition* holds; fails when it does not within the bound.

    The look is repeated on the loop, so what is waited for can happen in between.
    """
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.fixture
def eventually() -> Callable[..., object]:
    """`await eventually(lambda: ..., within_s=20)`."""
    return _eventually


@pytest.fixture
def refdata() -> Path:
    """The folder of public traces; a test that needs it is skipped where it is not."""
    place = Path(os.environ.get("ENGINE_OPS_REFDATA") or ROOT.parent / "shared" / "refdata")
    if not place.is_dir():
        pytest.skip(
            f"NO REFERENCE DATA: {place} is not there; set ENGINE_OPS_REFDATA to the folder of public traces"
        )
    return place
