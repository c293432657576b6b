"""Streams of items into bins: how many more bins than the items fill at least."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from itertools import accumulate

from host.simulator.guard import Guard
from host.simulator.play import Advice, Case, Metric, Options, Play, Played, chosen, encode_score
from host.solvers.item_stream import CHOICES, Choose, Place, best_fit, lower_bound, play_stream
from host.traces.items import ItemStream

CURVE_POINTS = 200
OVER = "bins more than the items fill, by items"
# Bins that a plugin may open before the built-in does: to keep several fills at hand is how a stream is packed well, and bins
# that are open are filled by whoever decides next.
OPENED_AHEAD = 10


class BinPackTask:
    """Candidates are kinds of bins: `left`, what is left in them, and `bins`, how many there are. `new` opens one."""

    metric = Metric("excess", "%", higher_is_better=False)
    notes: Sequence[str] = ()
    builtins: Sequence[str] = tuple(CHOICES)

    def __init__(self, streams: Sequence[ItemStream], options: Options) -> None:
        groups = chosen(
            list(dict.fromkeys(each.group for each in streams)), options.lists, "group of streams"
        )
        self._streams = {each.name: each for each in streams if each.group in groups}
        self._options = options

    def cases(self) -> list[Case]:
        """See `Task.cases`."""
        return [Case(each.name, each.group) for each in self._streams.values()]

    def play(self, case: Case, advice: Advice) -> Play:
        """See `Task.play`."""
        stream = self._streams[case.key]
        items = stream.items[: self._options.limit]
        play = play_stream(items, stream.capacity)
        choose: Choose = CHOICES[advice.builtin] if advice.builtin else best_fit
        # Nothing of a gain is kept back: here harm shows at once, and what was gained early is bins opened later.
        guard, shadow_used = Guard(self._options.tolerance, kept=0.0), 0
        shadow = play_stream(items, stream.capacity)
        shadow_place = next(shadow)
        place = next(play)
        fallbacks = seen = used = 0
        while True:
            left = choose(place)
            if advice.builtin is None:
                if not self._options.guard or guard.follows(used, shadow_used + OPENED_AHEAD):
                    candidates = _candidates(place)
                    reply = yield encode_score(_task(place, seen, used), candidates)
                    if reply.scores is None:
                        fallbacks += 1
                    else:
                        best = max(range(len(candidates)), key=lambda at: reply.scores[at])  # type: ignore[index]
                        left = int(candidates[best]["left"])  # type: ignore[call-overload]
                else:
                    fallbacks += 1
                if self._options.guard:
                    shadow_left = best_fit(shadow_place)
                    shadow_used += shadow_left == place.capacity
                    with contextlib.suppress(StopIteration):
                        shadow_place = shadow.send(shadow_left)
            used += left == place.capacity
            seen += 1
            try:
                place = play.send(left)
            except StopIteration as finished:
                curve: list[int] = finished.value
                break
        bound = lower_bound(items, stream.capacity)
        step = max(1, len(curve) // CURVE_POINTS)
        filled = list(accumulate(items))
        return Played(
            {
                "excess": 100.0 * (curve[-1] / bound - 1),
                "bins": float(curve[-1]),
                "bound": float(bound),
                "utilisation": 100.0 * sum(items) / (curve[-1] * stream.capacity),
            },
            {
                OVER: [
                    (float(at), curve[at] - filled[at] / stream.capacity) for at in range(0, len(curve), step)
                ]
            },
            decisions=len(items),
            fallbacks=fallbacks,
        )


def _task(place: Place, seen: int, used: int) -> dict[str, object]:
    return {"kind": "item", "size": place.size, "capacity": place.capacity, "seen": seen, "binsUsed": used}


def _candidates(place: Place) -> list[dict[str, object]]:
    fitting = sorted(left for left in place.open_bins if left >= place.size)
    bins: list[dict[str, object]] = [
        {"id": f"left-{left}", "left": left, "bins": place.open_bins[left]} for left in fitting
    ]
    return [*bins, {"id": "new", "left": place.capacity, "bins": 0}]
