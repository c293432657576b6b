"""A sandbox over real processes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from .prison import open_prison as open_in

if sys.platform != "linux":
    pytest.skip("NO SANDBOX: this platform has none of its layers", allow_module_level=True)


@pytest.fixture
def open_prison(tmp_path: Path):
    """`async with open_prison(policy) as prison:`"""
    return lambda *arguments, **how: open_in(tmp_path, *arguments, **how)


@pytest.fixture
async def prison(tmp_path: Path):
    """An open sandbox with the best that this machine offers."""
    async with open_in(tmp_path) as opened:
        yield opened
