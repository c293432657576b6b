from __future__ import annotations

import pytest
from scipy import stats

from host.simulator.statistics import _t_quantile, deviation, mean, paired, quantile


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 30, 169])
def test_the_quantile_of_student_is_that_of_scipy(freedom: int) -> None:
    assert _t_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=2e-3)


def test_a_paired_difference_has_the_interval_of_a_t_test() -> None:
    ours, theirs = {"a": 3.0, "b": 5.0, "c": 4.5}, {"a": 2.0, "b": 4.5, "c": 4.0, "d": 9.0}
    found = paired(ours, theirs)
    assert found is not None and found.half_width is not None
    known = stats.ttest_rel([3.0, 5.0, 4.5], [2.0, 4.5, 4.0]).confidence_interval(0.95)
    assert (found.mean - found.half_width, found.mean + found.half_width) == pytest.approx(
        (known.low, known.high), rel=1e-3
    )


def test_one_pair_has_no_interval_and_no_pair_no_difference() -> None:
    one = paired({"a": 1.0}, {"a": 3.0})
    assert one is not None and (one.mean, one.half_width) == (-2.0, None)
    assert paired({"a": 1.0}, {"b": 1.0}) is None


def test_means_deviations_and_quantiles() -> None:
    assert mean([1.0, 2.0, 6.0]) == 3.0
    assert deviation([1.0, 3.0]) == pytest.approx(2**0.5)
    assert deviation([5.0]) == 0.0
    assert [quantile([1.0, 2.0, 3.0, 4.0], level) for level in (0.0, 0.5, 0.99, 1.0)] == [1.0, 2.0, 4.0, 4.0]
