"""Every module can be the first that a program imports. It takes seconds, so it is not among the quick checks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("package", ["host", "plugin_sdk"])
def test_nothing_has_to_be_loaded_in_a_lucky_order(package):
    """Each room can be the first that is imported: there are no import cycles that work by chance."""
    rooms = sorted({path.parent for path in (ROOT / package).rglob("*.py")})
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for room in rooms
        for path in sorted(room.glob("*.py"))
        if path.stem != "__main__" and (room / "__init__.py").exists()
    ]
    code = f"""
import importlib, sys
before = set(sys.modules)
for name in {names!r}:
    for loaded in [each for each in sys.modules if each.partition('.')[0] in ('host', 'plugin_sdk')]:
        del sys.modules[loaded]
    if name != 'host.process.confine':
        importlib.import_module(name)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
