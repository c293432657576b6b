from __future__ import annotations

from pathlib import Path

import pytest

from host.errors import ConfigError
from host.traces.jobshop import load_jobshops


def test_an_instance_is_read_with_comments_left_out(tmp_path: Path) -> None:
    file = tmp_path / "ft.txt"
    file.write_text("# two by two\n2 2\n0 3 1 2\n1 4 0 1\n")
    [shop] = load_jobshops(file)
    assert (shop.name, shop.machines) == ("ft", 2)
    assert shop.jobs == [[(0, 3), (1, 2)], [(1, 4), (0, 1)]]


def test_a_folder_holds_an_instance_a_file(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.txt").write_text("1 1\n0 5\n")
    assert [shop.name for shop in load_jobshops(tmp_path)] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2 2\n0 3 1 2\n", "says 2 jobs, and 1 lines"),
        ("1 2\n0 3 1\n", "pairs"),
        ("1 2\n0 3 2 1\n", "above 1"),
        ("many\n", "numbers of jobs"),
        ("", "empty"),
    ],
)
def test_what_is_no_instance_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "x.txt"
    file.write_text(text)
    with pytest.raises(ConfigError, match=said):
        load_jobshops(file)
