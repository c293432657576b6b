"""Imports what `module:attribute` names in a plugin's folder."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

from plugin_sdk.entry import Entry
from plugin_sdk.failures import EntryError

_CAUSE_LINES = 12  # of the traceback, that go over the wire; all of it goes to the log


def load_entry(entry: str, folder: Path) -> Entry:
    """The plugin's entry, its module imported with *folder* first on the path.

    Raises:
        EntryError: It is not of the form, does not import, or does not have the attribute.
    """
    module_name, colon, attribute = entry.partition(":")
    if not (colon and module_name and attribute):
        raise EntryError(f"entry is {entry!r}; give module:attribute, such as plugin:MyModel")
    at = str(folder)
    if at not in sys.path[:1]:
        sys.path.insert(0, at)
    module = _imported(module_name, folder)
    found: object = module
    for step in attribute.split("."):
        try:
            found = getattr(found, step)
        except AttributeError:
            raise EntryError(
                f"{module_name} in {folder} has no {attribute!r}; {_near(step, found)}"
            ) from None
    return Entry(found, entry)


def _imported(name: str, folder: Path) -> ModuleType:
    try:
        return importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a module may do anything while it is imported, sys.exit() included
        if isinstance(error, ModuleNotFoundError) and error.name == name.partition(".")[0]:
            here = sorted(path.stem for path in folder.glob("*.py"))
            raise EntryError(
                f"there is no module {name!r} in {folder}; it has {', '.join(here) or 'no Python files'}"
            ) from error
        raise EntryError(f"{name} does not import: {_where(error, folder)}", _cause(error)) from error


def _where(error: BaseException, folder: Path) -> str:
    """The exception, and the last line of the author's own files that it passed."""
    what = f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}, line {error.lineno}: {what}"
    step, place = error.__traceback__, None
    while step is not None:
        file = Path(step.tb_frame.f_code.co_filename)
        if file.is_relative_to(folder):
            place = f"{file.relative_to(folder)}, line {step.tb_lineno}"
        step = step.tb_next
    return f"{place}: {what}" if place else what


def _cause(error: BaseException) -> str:
    import traceback  # only on the way to an error

    text = "".join(traceback.format_exception(error))
    return "\n".join(text.splitlines()[-_CAUSE_LINES:])


def _near(name: str, found: object) -> str:
    import difflib  # only on the way to an error

    names = [known for known in dir(found) if not known.startswith("_")]
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"it has {', '.join(names[:12]) or 'nothing public'}"
