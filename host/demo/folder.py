"""The plugins directory of the demo: copies of the samples, and the saboteur among them."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import host
from host.errors import ConfigError

SABOTEUR = "demo-saboteur"
_SABOTEUR_SOURCE = Path(__file__).parent / "saboteur"
_FOR_BACK_TESTS = ("node_value", "stream_packer")  # what they answer, the demo never asks
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "test_*", ".*", "__init__.py")


def sample_plugins() -> Path:
    """The samples beside the source.

    Raises:
        ConfigError: This installation has none, e.g. one from a wheel; says where to get them.
    """
    found = Path(host.__file__).resolve().parent.parent / "sample_plugins"
    if not found.is_dir():
        raise ConfigError(
            f"there are no sample plugins at {found}; run the demo from a checkout of the source"
            " (they lie in its sample_plugins/), or give --plugins DIR"
        )
    return found


def prepare(samples: Path, into: Path) -> list[str]:
    """Copies every folder with a manifest, and adds the saboteur; the names of the folders.

    Raises:
        ConfigError: There is no plugin folder in *samples*.
    """
    chosen = sorted(
        each
        for each in samples.iterdir()
        if (each / "plugin.toml").is_file() and each.name not in _FOR_BACK_TESTS
    )
    if not chosen:
        raise ConfigError(
            f"{samples} has no folder with a plugin.toml; give --plugins a folder of plugin folders"
        )
    into.mkdir(parents=True, exist_ok=True)
    for source in chosen:
        shutil.copytree(source, into / source.name, ignore=_LEFT_OUT)
    shutil.copytree(_SABOTEUR_SOURCE, into / SABOTEUR, ignore=_LEFT_OUT)
    manifest = into / SABOTEUR / "plugin.toml"
    # A JSON string is a TOML string too, whatever the path has in it.
    manifest.write_text(manifest.read_text().replace('"python3"', json.dumps(sys.executable)))
    return [*(each.name for each in chosen), SABOTEUR]
