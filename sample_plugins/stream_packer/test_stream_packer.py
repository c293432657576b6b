from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugin_sdk import Abstained
from plugin_sdk.contract.messages import Scores
from plugin_sdk.testing import PluginHarness, load_folder


@pytest.fixture
def harness() -> PluginHarness:
    return PluginHarness(load_folder(Path(__file__).parent))


def pack(harness: PluginHarness, items: list[int], capacity: int) -> int:
    """Packs a stream as a back-test does: the highest score goes first. Bins in use at the end."""
    bins: dict[int, int] = {}
    used = 0
    for seen, size in enumerate(items):
        fitting = [
            {"id": f"left-{left}", "left": left, "bins": bins[left]} for left in sorted(bins) if left >= size
        ]
        candidates = [*fitting, {"id": "new", "left": capacity, "bins": 0}]
        task = {"kind": "item", "size": size, "capacity": capacity, "seen": seen, "binsUsed": used}
        answer = harness.score(task, candidates)
        assert isinstance(answer, Scores)
        chosen = candidates[max(range(len(candidates)), key=lambda at: answer.scores[at])]
        left = int(chosen["left"])
        if chosen["id"] == "new":
            used += 1
        else:
            bins[left] -= 1
            if not bins[left]:
                del bins[left]
        if left > size:
            bins[left - size] = bins.get(left - size, 0) + 1
    return used


def best_fit(items: list[int], capacity: int) -> int:
    bins: list[int] = []
    for size in items:
        fitting = [at for at, left in enumerate(bins) if left >= size]
        if fitting:
            bins[min(fitting, key=bins.__getitem__)] -= size
        else:
            bins.append(capacity - size)
    return len(bins)


def coarse(chance: random.Random, count: int) -> list[int]:
    return [chance.randint(20, 100) for _ in range(count)]


def fine(chance: random.Random, count: int) -> list[int]:
    return [min(100, max(1, round(chance.weibullvariate(45, 3)))) for _ in range(count)]


@pytest.mark.parametrize(
    ("draw", "capacity", "count", "part"),
    [(coarse, 150, 500, 0.995), (fine, 100, 1500, 0.99)],
    ids=["no small items", "small items too"],
)
def test_it_needs_fewer_bins_than_best_fit(
    harness: PluginHarness, draw: Callable[..., list[int]], capacity: int, count: int, part: float
) -> None:
    chance = random.Random(77)
    streams = [draw(chance, count) for _ in range(2)]
    ours = sum(pack(harness, items, capacity) for items in streams)
    assert ours < part * sum(best_fit(items, capacity) for items in streams)


def test_it_is_no_worse_than_best_fit_when_the_items_change_on_the_way(harness: PluginHarness) -> None:
    chance = random.Random(5)
    for first, second in ((coarse, fine), (fine, coarse)):
        items = [*first(chance, 500), *second(chance, 500)]
        assert pack(harness, items, 150) <= 1.005 * best_fit(items, 150)


def test_the_same_stream_is_packed_the_same_twice(harness: PluginHarness) -> None:
    items = coarse(random.Random(3), 300)
    assert pack(harness, items, 150) == pack(harness, items, 150)


def test_a_new_stream_begins_anew(harness: PluginHarness) -> None:
    pack(harness, fine(random.Random(3), 200), 100)
    pack(harness, coarse(random.Random(3), 40), 150)
    plugin: Any = harness.plugin
    assert plugin.capacity == 150 and len(plugin.recent) == 40


def test_what_is_no_item_is_left_to_others(harness: PluginHarness) -> None:
    assert isinstance(harness.score({"kind": "queue", "now": 0.0}, [{"id": "j"}]), Abstained)


def test_a_gap_that_items_fill_soon_is_shunned_less_than_one_that_nothing_fills(
    harness: PluginHarness,
) -> None:
    pack(harness, [30, 70] * 50, 100)
    gaps = harness.plugin.gaps  # type: ignore[attr-defined]
    assert gaps[30] < gaps[60] < gaps[15]


def test_bins_of_very_many_sizes_are_no_harder(harness: PluginHarness) -> None:
    chance = random.Random(1)
    items = [chance.randint(1, 400_000) for _ in range(60)]
    assert pack(harness, items, 1_000_000) <= 1.1 * best_fit(items, 1_000_000)
