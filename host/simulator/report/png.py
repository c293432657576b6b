"""The plots as PNG, by matplotlib (extra `plot`): the curves, and windows of schedules."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from host.errors import ConfigError
from host.simulator.outcome import Outcome
from host.simulator.report.html import curves, schedules
from host.simulator.report.svg import COLOURS, axes_of

INCHES = (8, 4)
DPI = 120


def require_matplotlib() -> None:
    """Raises:
    ConfigError: It is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ConfigError("matplotlib is not installed; pip install 'engine-ops[plot]'") from error


def write_png(outcomes: Sequence[Outcome], out: Path) -> list[Path]:
    """A file a plot.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    require_matplotlib()
    written = []
    for (where, title), series in curves(outcomes).items():
        figure, axes = _figure(where, title)
        for number, (name, points) in enumerate(series.items()):
            axes.plot(*zip(*points, strict=True), label=name, color=COLOURS[number % len(COLOURS)])
        axes.legend()
        written.append(_save(figure, where, title, out))
    for (where, title), bars in schedules(outcomes).items():
        figure, axes = _figure(where, title)
        for row, start, end, _ in bars:
            axes.broken_barh([(start, end - start)], (row, 0.8), color=COLOURS[row % len(COLOURS)])
        axes.invert_yaxis()  # the first row on top, as on the page
        written.append(_save(figure, where, title, out))
    return written


def _figure(where: str, title: str) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=INCHES)
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.set_title(where)
    x, y = axes_of(title)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3)
    return figure, axes


def _save(figure: Any, where: str, title: str, out: Path) -> Path:
    path = out / (re.sub(r"[^a-z0-9]+", "-", f"{where} {title}".lower()).strip("-") + ".png")
    figure.savefig(path, dpi=DPI, bbox_inches="tight")
    return path
