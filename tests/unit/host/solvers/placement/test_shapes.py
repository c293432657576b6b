from __future__ import annotations

import pytest

from host.solvers.placement.shapes import Shape, table_of, typical_of

SHARE = Shape(2000, 8, 1, 300)
WHOLE = Shape(4000, 16, 1, 1000)
RARE = Shape(1000, 1, 8, 1000)


def test_equal_pods_share_a_shape_in_order_of_first_sight() -> None:
    table = table_of([SHARE, WHOLE, SHARE])
    assert table.shapes == (SHARE, WHOLE)
    assert table.of_pod == (0, 1, 0)


def test_typical_pods_cover_most_of_the_list_and_their_shares_sum_to_one() -> None:
    typical = typical_of([SHARE] * 60 + [WHOLE] * 37 + [RARE] * 3)
    assert [each.shape.gpu_milli for each in typical] == [300, 1000]
    assert [each.share for each in typical] == [pytest.approx(60 / 97), pytest.approx(37 / 97)]


def test_pods_that_differ_in_memory_alone_are_of_one_class() -> None:
    assert len(typical_of([Shape(1, 5, 1, 100), Shape(1, 6, 1, 100)])) == 1


def test_no_pods_have_no_typical_ones() -> None:
    assert typical_of([]) == []


def test_of_equally_common_classes_the_larger_are_typical() -> None:
    pods = [SHARE] * 90 + [Shape(1000, 1, 1, 500)] * 5 + [Shape(2000, 1, 1, 100)] * 5
    assert [each.shape.cpu_milli for each in typical_of(pods)] == [2000, 2000]
