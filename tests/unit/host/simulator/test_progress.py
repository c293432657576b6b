from __future__ import annotations

import io
import os
import sys

import pytest

from host.simulator import progress
from host.simulator.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_one_line_that_is_never_wider_than_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(progress.shutil, "get_terminal_size", lambda: os.terminal_size((80, 24)))
    bar = Progress()
    bar.loading("a-file-with-a-very-long-name" * 5)
    bar.begin(3)
    for _ in range(3):
        bar.step("a-plugin-with-a-long-name on a-case-with-a-longer-one/12345" * 2)
    bar.close()
    first, *shown = sys.stderr.getvalue().removesuffix("\n").split("\r")
    assert first == "" and "\n" not in "".join(shown)
    assert all(len(line) == 79 for line in shown)
    assert "0/3" in shown[1] and "3/3 0 s left" in shown[-1]


def test_a_pipe_gets_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    bar = Progress()
    bar.loading("data")
    bar.begin(1)
    bar.step("one")
    bar.close()
    assert capsys.readouterr().err == ""
