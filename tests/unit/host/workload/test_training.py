"""The table that models are trained on: named features, codes with their dictionary, and no look into the future."""

from __future__ import annotations

import pytest

from host.errors import RequestError
from host.workload.selection import Selection
from host.workload.training import TrainingWish
from plugin_sdk.contract.workload import WorkloadDataPoint


def job(at, duration, **features):
    return WorkloadDataPoint(
        float(at), "scheduling", {"cpu": at / 2}, float(duration), at % 2 == 0, {}, features
    )


async def table(histories, points, **wish):
    history = await histories(points=200_000)
    await history.clear()
    for start in range(0, len(points), 7):  # many segments, each with a dictionary of its own
        await history.record(points[start : start + 7])
    try:
        return await history.training(Selection(), TrainingWish(**wish))
    finally:
        await history.aclose()


async def test_features_have_names_texts_have_codes_and_what_is_missing_is_null(histories):
    points = [job(0, 5, user="mia", n=1), job(10, 6, user="leo"), job(20, 7, user="mia", n=3.5)]
    found = await table(histories, points, target="duration", test=0.0)
    assert found["metadata"]["featureNames"] == ["n", "user"]
    assert found["metadata"]["categories"] == {"user": ["mia", "leo"]}
    assert found["features"] == [[1.0, 0.0], [None, 1.0], [3.5, 0.0]]
    assert found["labels"] == [5.0, 6.0, 7.0]


async def test_the_test_part_is_the_latest_and_the_rest_had_ended_when_it_began(histories):
    points = [job(n * 10, 1 if n != 7 else 500, user=f"u{n}") for n in range(20)]
    found = await table(histories, points, target="duration", test=0.25)
    split = found["metadata"]["split"]
    assert split == {"at": 150.0, "train": 14, "test": 5, "leftOut": 1}
    assert found["labels"] == [1.0] * 14, "the one that ended only later is in neither part"
    assert len(found["metadata"]["categories"]["user"]) == 14
    assert found["test"]["features"] == [[-1.0]] * 5, "nobody had seen these users then"


async def test_columns_that_only_the_future_has_are_not_there(histories):
    points = [job(n, 0, old=n) for n in range(8)] + [job(n, 0, new=n) for n in range(8, 10)]
    found = await table(histories, points, target="success", test=0.2)
    assert found["metadata"]["featureNames"] == ["old"]
    assert found["test"]["features"] == [[None], [None]]


async def test_the_target_may_be_anything_that_is_a_number_and_is_no_feature(histories):
    points = [job(n, n, n=n, m=1) for n in range(4)]
    found = await table(histories, points, target="features.n", test=0.0)
    assert (found["metadata"]["featureNames"], found["labels"]) == (["m"], [0.0, 1.0, 2.0, 3.0])
    found = await table(histories, points, target="resourceUsage.cpu", test=0.0, features=("n",))
    assert (found["metadata"]["featureNames"], found["labels"]) == (["n"], [0.0, 0.5, 1.0, 1.5])
    with pytest.raises(RequestError, match="which is no column of numbers"):
        await table(histories, points, target="features.user")
    with pytest.raises(RequestError, match="test is"):
        await table(histories, points, target="duration", test=1.0)


async def test_the_seeds_rows_are_the_seeds(histories):
    found = await table(histories, [job(0, 5), job(1, 6)])
    assert found == {
        "features": [[0.0, 5.0, 1], [1.0, 6.0, 0]],
        "labels": [1, 0],
        "metadata": {"featureNames": ["timestamp", "duration", "success"], "size": 2},
    }
