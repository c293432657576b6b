"""Seeds the random numbers of a plugin, so that a run can be repeated."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import random
import sys
from collections.abc import Sequence
from types import ModuleType

_NUMPY = "numpy.random"
_NUMPY_SEED_BITS = 32  # numpy's legacy generator takes no more


def seed_random(seed: int) -> None:
    """Seeds `random` now, and `numpy.random` now or as soon as the author's code imports it."""
    random.seed(seed)
    if _NUMPY in sys.modules:
        _seed_numpy(sys.modules[_NUMPY], seed)
    else:
        sys.meta_path.insert(0, _SeedOnImport(seed))


def _seed_numpy(module: ModuleType, seed: int) -> None:
    module.seed(seed % 2**_NUMPY_SEED_BITS)


class _SeedOnImport(importlib.abc.MetaPathFinder):
    """Lets the other finders find `numpy.random`, and adds a step after it was run."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != _NUMPY:
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _SeedingLoader(spec.loader, self._seed)
        return spec


class _SeedingLoader(importlib.abc.Loader):
    def __init__(self, inner: importlib.abc.Loader, seed: int) -> None:
        self._inner = inner
        self._seed = seed

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._inner.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # numpy and its tools look at the loader of its modules: give it back before they do.
        module.__loader__ = self._inner
        if module.__spec__ is not None:
            module.__spec__.loader = self._inner
        self._inner.exec_module(module)
        _seed_numpy(module, self._seed)
