"""The trees of a model joined into one set of columns: what both ways of walking them start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Tree:
    """One tree as scikit-learn has it. `left` is below 0 at a leaf; `missing_left` may be `None`."""

    left: Any
    right: Any
    feature: Any
    threshold: Any
    values: Any  # shape (nodes,) or (nodes, classes)
    missing_left: Any


@dataclass(frozen=True)
class Nodes:
    """All trees in one. Leaves come first, and those that say the same are one leaf, whichever tree they are of: that is
    half of all nodes less to be kept in the processor's caches.

    Attributes:
        values: What each leaf says, shape (leaves,) or (leaves, classes).
        left, right: Of each split, where to go on: a leaf below `len(values)`, or a split counted on from there.
        feature, threshold: A row goes left where its value is not above the threshold.
        missing_left: Where a row goes whose value is missing; `None` where there are no such rows.
        roots: Where each tree begins.
        features: How many values a row has.
    """

    values: NDArray[Any]
    left: NDArray[Any]
    right: NDArray[Any]
    feature: NDArray[Any]
    threshold: NDArray[Any]
    missing_left: NDArray[Any] | None
    roots: NDArray[Any]
    features: int

    @property
    def leaves(self) -> int:
        """How many there are."""
        return len(self.values)

    @property
    def size(self) -> int:
        """Leaves and splits."""
        return len(self.values) + len(self.left)


def joined(trees: Sequence[Tree], features: int) -> Nodes:
    """*trees* as one set of nodes."""
    import numpy as np

    starts = np.cumsum([0, *(len(tree.left) for tree in trees[:-1])])
    left, right = (
        np.concatenate([getattr(tree, side) + at for tree, at in zip(trees, starts, strict=True)])
        for side in ("left", "right")
    )
    is_leaf = np.concatenate([tree.left < 0 for tree in trees])
    splits = np.flatnonzero(~is_leaf)
    values, which = np.unique(
        np.concatenate([tree.values for tree in trees])[is_leaf], axis=0, return_inverse=True
    )
    place = np.empty(len(is_leaf), np.int32)
    place[is_leaf] = which.ravel()
    place[splits] = len(values) + np.arange(len(splits))
    gaps = [tree.missing_left for tree in trees]
    return Nodes(
        values=values,
        left=place[left[splits]],
        right=place[right[splits]],
        feature=_of_splits([tree.feature for tree in trees], splits).astype(np.int32),
        threshold=_of_splits([tree.threshold for tree in trees], splits),
        # Where nothing was missing when it was fitted, nothing may be missing now.
        missing_left=None if any(each is None for each in gaps) else _of_splits(gaps, splits).astype(bool),
        roots=place[starts],
        features=features,
    )


def _of_splits(columns: list[Any], splits: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    found: NDArray[Any] = np.concatenate(columns)[splits]
    return found
