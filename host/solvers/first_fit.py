"""Finds the first bin that has room for a demand, in about log(bins) steps a resource.

Source: the tournament tree of Johnson (1973), Near-optimal bin packing algorithms, section 2.1; here with
one tree a resource, searched together from the left.
"""

from __future__ import annotations

from collections.abc import Sequence


class FirstFit:
    """Bins in a fixed order, and what is left in each.

    Args:
        free: A row a resource, a column a bin: what is left, in the caller's unit. At least one bin.
    """

    def __init__(self, free: Sequence[Sequence[float]]) -> None:
        bins = len(free[0])
        self._leaves = 1 << (bins - 1).bit_length()
        self._trees: list[list[float]] = []
        for row in free:
            # -1 in the padding: no demand, not even 0, goes to a bin that is not there.
            tree = [-1.0] * self._leaves + list(row) + [-1.0] * (self._leaves - bins)
            for node in range(self._leaves - 1, 0, -1):
                tree[node] = max(tree[2 * node], tree[2 * node + 1])
            self._trees.append(tree)

    def place(self, demand: Sequence[float], begin: int = 0) -> int | None:
        """Takes *demand* from the first bin that has room for it.

        Args:
            demand: One amount >= 0 a resource.
            begin: The first bin to look at.

        Returns:
            The bin's index, or `None` when no bin has room.
        """
        found = self.first(demand, begin)
        if found is not None:
            leaf = found + self._leaves
            for tree, amount in zip(self._trees, demand, strict=True):
                if amount:
                    self._set(tree, leaf, tree[leaf] - amount)
        return found

    def close(self, found: int) -> None:
        """No demand goes to this bin any more."""
        for tree in self._trees:
            self._set(tree, found + self._leaves, -1.0)

    def first(self, demand: Sequence[float], begin: int = 0) -> int | None:
        """The first bin from *begin* on that has room for *demand*; `None` when there is none."""
        wanted = list(zip(self._trees, demand, strict=True))
        node = self._leaves + begin if begin else 1
        while True:
            for tree, amount in wanted:
                if tree[node] < amount:
                    break
            else:
                if node >= self._leaves:
                    return node - self._leaves
                node *= 2
                continue
            # No bin under this node: on to the next subtree on the right.
            while node & 1:
                node >>= 1
            if not node:
                return None
            node += 1

    @staticmethod
    def _set(tree: list[float], leaf: int, amount: float) -> None:
        tree[leaf] = amount
        node = leaf >> 1
        while node:
            best = max(tree[2 * node], tree[2 * node + 1])
            if tree[node] == best:
                break
            tree[node] = best
            node >>= 1
