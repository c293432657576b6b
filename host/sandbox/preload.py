"""Which modules a plugin's zygote has loaded: as much as the plugin's own sources will ask for, and no more.

What a zygote has loaded counts against the caps of its children as if they had loaded it themselves; so a plugin
that never mentions numpy is not given it.
"""

from __future__ import annotations

import re
from pathlib import Path

_SDK = (
    "msgspec",
    "asyncio",
    "logging",
    "plugin_sdk",
    "plugin_sdk.contract.messages",
    "plugin_sdk.handlers",
    "plugin_sdk.runner.__main__",
    "plugin_sdk.runner.serve",
)
_NUMPY = (*_SDK, "numpy", "numpy.random")
_SCIENCE = (
    *_NUMPY,
    "threadpoolctl",
    "scipy.special",
    "sklearn.ensemble",
    "sklearn.exceptions",
    "sklearn.gaussian_process",
    "sklearn.gaussian_process.kernels",
    "sklearn.linear_model",
    "sklearn.pipeline",
    "sklearn.preprocessing",
)
_FILES = 200  # of a plugin's folder are read, and of each
_FILE_BYTES = 256 * 1024
_IMPORTED = re.compile(rb"^\s*(?:import|from)\s+(numpy|scipy|sklearn|pandas|joblib)\b", re.MULTILINE)


def preload_for(folder: Path) -> tuple[str, ...]:
    """The modules for the plugin in *folder*, by what its sources import."""
    asked: set[bytes] = set()
    for path in sorted(folder.rglob("*.py"))[:_FILES]:
        try:
            if path.is_symlink() or not path.is_file():
                continue
            with path.open("rb") as file:
                asked.update(_IMPORTED.findall(file.read(_FILE_BYTES)))
        except OSError:
            continue  # what cannot be read cannot be imported either
    if asked & {b"sklearn", b"scipy", b"joblib"}:
        return _SCIENCE
    return _NUMPY if asked else _SDK
