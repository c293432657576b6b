"""Where an interpreter's files are: what a plugin in Python must be able to read, and nothing of the host."""

from __future__ import annotations

import site
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import plugin_sdk.contract


@dataclass(frozen=True)
class Interpreter:
    """One Python with its libraries.

    Attributes:
        executable: As it is started.
        folders: Absolute; what is read of them is read below them.
        sdk: The folder that `plugin_sdk` lies in is put on the path of interpreters that do not have it; `None`
            for one that has.
    """

    executable: str
    folders: tuple[str, ...]
    sdk: str | None = None


def this_interpreter() -> Interpreter:
    """The one that runs the host. Its virtual environment is whole in it, editable installs are not, but the SDK."""
    packages = [each for each in site.getsitepackages() if Path(each).is_dir()]
    return Interpreter(sys.executable, readable_folders(sys.base_prefix, sys.prefix, *packages, sdk_folder()))


def sdk_folder() -> str:
    """The package folder of `plugin_sdk`."""
    return str(Path(plugin_sdk.contract.__file__).resolve().parent.parent)


def readable_folders(*folders: str) -> tuple[str, ...]:
    """The folders, and where links among them lead to; none of them below another."""
    both: Iterable[Path] = (
        each for folder in folders for each in (Path(folder).absolute(), Path(folder).resolve())
    )
    # The shortest first, so that whatever lies below one is left out.
    kept: list[Path] = []
    for each in sorted(dict.fromkeys(both), key=lambda path: len(path.parts)):
        if not any(each.is_relative_to(above) for above in kept):
            kept.append(each)
    return tuple(str(each) for each in kept)
