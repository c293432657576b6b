"""Loads the plugin of a folder into a test's own process."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from plugin_sdk.contract.manifest import MANIFEST_NAME, parse_manifest

_PREFIX = "plugin_sdk_testing_"


def load_folder(folder: str | Path) -> Any:
    """What `entry` in the folder's manifest names: a class, a factory or an instance.

    Folders do not see each other: each has its own `plugin` module, and the modules beside it are its own.

    Raises:
        ManifestError: The manifest is bad.
        ValueError: It has a `command` instead of an `entry`; such a plugin runs as a process only.
    """
    folder = Path(folder).resolve()
    manifest = parse_manifest((folder / MANIFEST_NAME).read_bytes(), str(folder / MANIFEST_NAME))
    if manifest.entry is None:
        raise ValueError(
            f"{manifest.name} is started by a command; only an entry can be loaded into a process"
        )
    module_name, _, attribute = manifest.entry.partition(":")
    found: Any = _module(folder, module_name)
    for step in attribute.split("."):
        found = getattr(found, step)
    return found


def _module(folder: Path, name: str) -> ModuleType:
    path = folder.joinpath(*name.split(".")).with_suffix(".py")
    # A name of its own, so that the `plugin` of one folder is not taken for that of another.
    own_name = f"{_PREFIX}{folder.name}.{name}"
    spec = importlib.util.spec_from_file_location(own_name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ValueError(f"there is no {path}; entry names the module {name!r}")
    module = importlib.util.module_from_spec(spec)
    beside = {each.stem for each in folder.glob("*.py")} | {
        each.parent.name for each in folder.glob("*/*.py")
    }
    hidden = {each: sys.modules.pop(each) for each in beside if each in sys.modules}
    sys.modules[own_name] = module
    sys.path.insert(0, str(folder))
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[own_name]
        raise
    finally:
        sys.path.remove(str(folder))
        for each in beside:
            sys.modules.pop(each, None)
        sys.modules.update(hidden)
    return module
