"""What comes after a sequence number: the points themselves, or where they are; and how many of them are gone."""

from __future__ import annotations

from dataclasses import dataclass

from host.workload.selection import Selection
from host.workload.statistics import column
from host.workload.store.index import Index, Run, up_to


@dataclass(frozen=True)
class News:
    """Points after a sequence number, oldest first.

    Attributes:
        missed: Points between that number and the first of these that are history no more.
    """

    lines: list[bytes]
    seqs: list[int]
    last_seq: int
    missed: int

    def first(self, lines: list[bytes], after: int) -> News:
        """The same, of which only so many *lines* are taken."""
        if len(lines) == len(self.lines):
            return self
        seqs = self.seqs[: len(lines)]
        return News(lines, seqs, seqs[-1], seqs[-1] - after - len(lines))


@dataclass(frozen=True)
class Stretch:
    """Where the points after a sequence number are, for what reads whole columns.

    Attributes:
        after: That number.
        last_seq: Of the last of them.
        missed: As of `News`.
    """

    after: int
    runs: list[list[Run]]
    count: int
    last_seq: int

    @property
    def missed(self) -> int:
        return self.last_seq - self.after - self.count


def stretch_after(index: Index, seq: int, limit: int) -> Stretch:
    """Where the first *limit* points after number *seq* are."""
    import numpy as np  # not at the host's start

    found = index.later(Selection(), seq, limit)
    count = sum(len(run.places) for runs in found for run in runs)
    if count > limit:  # each type has its first: of all together, those up to one number are meant
        seqs = column([run for runs in found for run in runs], "seq")
        found = up_to(found, int(np.partition(seqs, limit - 1)[limit - 1]))
        count = limit
    if not count:
        return Stretch(seq, [], 0, index.last_seq)
    return Stretch(seq, found, count, max(run.seqs()[-1] for runs in found for run in runs[-1:]))
