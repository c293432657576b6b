"""What a commit is to change, and the index that holds after it, decided from the index that holds before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from host.workload.config import HistoryConfig
from host.workload.store.batch import Deciders, segments_of
from host.workload.store.database import Change
from host.workload.store.index import Index
from host.workload.store.retention import retain
from host.workload.store.segment import Segment
from host.workload.store.submission import Submission

Types = Mapping[str, tuple[Segment, ...]]


def plan_group(
    group: Sequence[Submission], index: Index, config: HistoryConfig, deciders: Deciders, now_ms: float
) -> tuple[Change, Index]:
    """The points of *group* added, in its order; what they push out, dropped."""
    clearing = max((at for at, each in enumerate(group) if each.clears), default=-1)
    points = [point for each in group[clearing + 1 :] for point in each.points]
    lines = [line for each in group[clearing + 1 :] for line in each.lines]
    change = Change(last_seq=index.last_seq + len(points))
    change.keys = [
        (each.key, each.digest(), len(each.lines), now_ms) for each in group if each.key is not None
    ]
    types = dict(index.types)
    if clearing >= 0:
        change.delete = [segment.key for segments in types.values() for segment in segments]
        types = {}
    change.add = segments_of(points, lines, index.last_seq + 1, now_ms, deciders)
    for segment in change.add:
        types[segment.type] = (*types.get(segment.type, ()), segment)
    for kind in {segment.type for segment in change.add}:
        types[kind] = retained(types[kind], config, now_ms, change)
    # What is added and dropped at once was never there for anybody; what is left of the rest says so itself.
    left = {segment.key: segment for segments in types.values() for segment in segments}
    fresh = {segment.key for segment in change.add}
    change.add = [left[key] for key in sorted(fresh & left.keys())]
    change.delete = [key for key in change.delete if key not in fresh]
    change.dropped = [(key, dropped) for key, dropped in change.dropped if key not in fresh]
    return change, Index(forget_lines(types, config.lines_bytes), index.last_seq + len(points))


def plan_upkeep(index: Index, config: HistoryConfig, now_ms: float) -> tuple[Change, Index]:
    """What is too old, dropped."""
    change = Change()
    types = {kind: retained(each, config, now_ms, change) for kind, each in index.types.items()}
    return change, Index({kind: each for kind, each in types.items() if each}, index.last_seq)


def plan_merge(
    index: Index, kind: str, start: int, stop: int, merged: Segment, config: HistoryConfig
) -> tuple[Change, Index]:
    """The segments *start* to *stop* of a type replaced by one."""
    segments = index.types[kind]
    change = Change(add=[merged], delete=[segment.key for segment in segments[start:stop]])
    types = {**index.types, kind: (*segments[:start], merged, *segments[stop:])}
    return change, Index(forget_lines(types, config.lines_bytes), index.last_seq)


def retained(
    segments: Sequence[Segment], config: HistoryConfig, now_ms: float, change: Change
) -> tuple[Segment, ...]:
    """What is history of one type's *segments*; the rest is noted in *change*."""
    since_ms = now_ms - config.max_age_s * 1000.0 if config.max_age_s > 0 else None
    left = retain(segments, config.points, since_ms)
    change.delete += left.deleted
    change.dropped += left.shortened
    return left.segments


def forget_lines(types: Types, room: int) -> Types:
    """The same, with the lines of the newest segments alone in memory, *room* bytes of them."""
    held = [each for segments in types.values() for each in segments if each.lines is not None]
    if sum(each.lines_bytes for each in held) <= room:
        return types
    room = room * 3 // 4  # some at once: this looks at every segment
    keep: set[int] = set()
    for each in sorted(held, key=lambda segment: -segment.key):
        room -= each.lines_bytes
        if room < 0:
            break
        keep.add(each.key)
    return {
        kind: tuple(
            each if each.lines is None or each.key in keep else each.without_lines() for each in segments
        )
        for kind, segments in types.items()
    }
