"""The curves as PNG, by matplotlib (extra `plot`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from host.errors import ConfigError
from host.simulator.outcome import Outcome
from host.simulator.report.html import curves
from host.simulator.report.svg import COLOURS


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
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    written = []
    for title, series in curves(outcomes).items():
        figure = Figure(figsize=(8, 4))
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        for number, (name, points) in enumerate(series.items()):
            axes.plot(*zip(*points, strict=True), label=name, color=COLOURS[number % len(COLOURS)])
        axes.set_title(title)
        axes.grid(alpha=0.3)
        axes.legend()
        path = out / (re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") + ".png")
        figure.savefig(path, dpi=120, bbox_inches="tight")
        written.append(path)
    return written
