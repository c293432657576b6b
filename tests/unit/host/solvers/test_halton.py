"""The scrambled Halton sequence fills evenly and is always the same."""

from __future__ import annotations

from host.solvers.halton import ScrambledHalton


def test_the_first_powers_of_a_base_put_one_point_into_each_stretch():
    points = ScrambledHalton(2, seed=1)
    for dimension, base in enumerate((2, 3)):
        # Shifted points keep the spacing: as many lie in each stretch, counted around the circle.
        values = sorted(points.point(index)[dimension] for index in range(base**3))
        gaps = [b - a for a, b in zip(values, [*values[1:], values[0] + 1], strict=True)]
        assert all(abs(gap - base**-3) < 1e-9 for gap in gaps)


def test_the_same_seed_gives_the_same_points_and_another_seed_others():
    assert ScrambledHalton(5, 3).point(17) == ScrambledHalton(5, 3).point(17)
    assert ScrambledHalton(5, 3).point(17) != ScrambledHalton(5, 4).point(17)


def test_points_lie_in_the_unit_cube_in_many_dimensions():
    points = ScrambledHalton(60, seed=2)
    assert all(0 <= each < 1 for index in range(200) for each in points.point(index))
