"""What a plugin has learned, as bytes that the host keeps for its next start, and the way back.

An author's own `save_state() -> bytes` and `load_state(bytes)` come first. Else skops saves the object, where it is
installed, can, and scikit-learn is in use: it loads scikit-learn, which a plugin that does without may have no memory
for. Else pickle. Either is compressed: trees shrink to a third. Whoever reads the bytes is the plugin itself, in its
sandbox: the host never looks into them.
"""

from __future__ import annotations

import importlib.util
import pickle
import sys
import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

from plugin_sdk.awaiting import settled

OWN, SKOPS, PICKLE, PACKED = "own", "skops", "pickle", "pickle+zlib"
PACKED_FROM_BYTES = 16 * 1024  # smaller ones gain nothing that matters
_TRUSTED = ("numpy", "scipy", "sklearn", "plugin_sdk", "builtins", "collections")


class StateError(Exception):
    """A state cannot be made, or cannot be used; its text says why."""


class Saved(NamedTuple):
    """A state, and in which of the ways it was made."""

    data: bytes
    format: str


def can_save(target: Any) -> bool:
    """Whether there is anything to keep: it learns, or says itself what is to be kept."""
    return any(
        callable(getattr(target, name, None)) for name in ("save_state", "train", "train_model", "learn")
    )


def save(target: Any) -> Saved:
    """The object's state.

    Raises:
        StateError: It holds what cannot be written down.
    """
    own = getattr(target, "save_state", None)
    if callable(own):
        data = settled(own())
        if not isinstance(data, bytes | bytearray | memoryview):
            raise StateError(f"save_state() returned a {type(data).__name__}; return bytes")
        return Saved(bytes(data), OWN)
    data = _by_skops(target)
    if data is not None:
        return Saved(data, SKOPS)
    try:
        data = pickle.dumps(target, protocol=5)
    except Exception as error:  # each kind of object says in its own way that it cannot be pickled
        raise StateError(
            f"it cannot be written down ({error}); give it save_state() and load_state(data)"
        ) from error
    return Saved(data, PICKLE) if len(data) < PACKED_FROM_BYTES else Saved(zlib.compress(data, 1), PACKED)


def restore(made: Any, data: bytes, form: str) -> Any:
    """The object as it was saved.

    Args:
        made: A new one, as it would serve without a state.

    Raises:
        StateError: The bytes are not a state of such an object.
    """
    try:
        if form == OWN:
            settled(made.load_state(data))
            return made
        if form == SKOPS:
            found = _from_skops(data, made)
        else:
            found = pickle.loads(zlib.decompress(data) if form == PACKED else data)
    except Exception as error:  # whatever bytes may lead to
        raise StateError(f"{type(error).__name__}: {error}") from error
    if type(found) is not type(made):
        raise StateError(
            f"it holds a {type(found).__qualname__}, and the plugin is a {type(made).__qualname__}"
        )
    return found


def _by_skops(target: Any) -> bytes | None:
    """`None` where skops is not installed, has no business, or cannot take this object there and back."""
    if "sklearn" not in sys.modules or importlib.util.find_spec("skops") is None:
        return None
    try:
        import skops.io

        data: bytes = skops.io.dumps(target, compression=zipfile.ZIP_DEFLATED, compresslevel=1)
        _from_skops(data, target)
    except Exception:  # what it cannot do, pickle can
        return None
    return data


def _from_skops(data: bytes, like: Any) -> Any:
    import skops.io

    unknown = skops.io.get_untrusted_types(data=data)
    return skops.io.loads(data, trusted=[name for name in unknown if _is_trusted(name, like)])


def _is_trusted(name: str, like: Any) -> bool:
    """Whether a type is one of the numeric libraries', or of the author's own folder."""
    module = name.rpartition(".")[0]
    root = module.partition(".")[0]
    if root in _TRUSTED:
        return True
    own = getattr(sys.modules.get(type(like).__module__), "__file__", None)
    other = getattr(sys.modules.get(module), "__file__", None)
    return bool(own and other and Path(own).parent in Path(other).parents)
