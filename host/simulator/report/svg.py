"""Plots as SVG: lines over two axes, and bars of a schedule. Pure text; no script, no font, no address."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 760, 320
LEFT, RIGHT, TOP, BOTTOM = 72, 16, 16, 48
LINE = 16  # of a legend; a character is about half as wide
# Okabe and Ito (2008): told apart by people who see colours differently, too.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8a6d00")


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from *low* to *high*."""
    span = high - low
    if span <= 0 or not math.isfinite(span):
        return [low]
    step = 10 ** math.floor(math.log10(span / about))
    step *= next(each for each in (1, 2, 5, 10) if span / (each * step) <= about)
    first = math.ceil(low / step) * step
    return [first + index * step for index in range(int((high - first) / step + 1e-9) + 1)]


def axes_of(title: str) -> tuple[str, str]:
    """The names of the axes, x and y, in a title such as "in use (%), by days"."""
    y, _, x = title.rpartition(", by ")
    return (x, y) if y else ("", title)


def lines(series: Mapping[str, Points], title: str) -> str:
    """One line a name, with axes, and a legend above them. The title names the axes."""
    every = [point for points in series.values() for point in points]
    if not every:
        return ""
    low_x, high_x = _range([x for x, _ in every])
    low_y, high_y = _range([y for _, y in every])
    legend, top = _legend(list(series))

    def at(x: float, y: float) -> str:
        return (
            f"{LEFT + (x - low_x) / (high_x - low_x) * (WIDTH - LEFT - RIGHT):.1f},"
            f"{HEIGHT - BOTTOM - (y - low_y) / (high_y - low_y) * (HEIGHT - top - BOTTOM):.1f}"
        )

    parts = [*_axes(low_x, high_x, low_y, high_y, top), *_named(*axes_of(title), HEIGHT), *legend]
    for number, (name, points) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(at(x, y) for x, y in points)
        parts.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{path}">'
            f"<title>{escape(name)}</title></polyline>"
        )
    return _whole(parts, title, HEIGHT)


def bars(rows: Sequence[tuple[int, float, float, str]], title: str) -> str:
    """A Gantt chart: (row, from, to, what it is). The title names the axes."""
    if not rows:
        return ""
    low, high = _range([each for _, start, end, _ in rows for each in (start, end)])
    count = max(row for row, _, _, _ in rows) + 1
    thick = max(3.0, min(16.0, 480.0 / count))
    height = int(TOP + BOTTOM + thick * count)
    parts = _named(*axes_of(title), height)
    for value in ticks(low, high, 8):
        x = LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{height - BOTTOM}" stroke="#ddd"/>')
        parts.append(f'<text x="{x:.1f}" y="{height - BOTTOM + 16}" text-anchor="middle">{value:g}</text>')
    for row, start, end, what in rows:
        x = LEFT + (start - low) / (high - low) * (WIDTH - LEFT - RIGHT)
        wide = max(1.0, (end - start) / (high - low) * (WIDTH - LEFT - RIGHT))
        parts.append(
            f'<rect x="{x:.1f}" y="{TOP + row * thick:.1f}" width="{wide:.1f}" height="{thick * 0.8:.1f}"'
            f' fill="{COLOURS[row % 6]}" fill-opacity="0.8"><title>{escape(what)}</title></rect>'
        )
    return _whole(parts, title, height)


def _legend(names: Sequence[str]) -> tuple[list[str], int]:
    """Its parts, in as many lines as it takes, and where the plot below it begins."""
    parts = []
    x, y = LEFT, TOP
    for number, name in enumerate(names):
        wide = 26 + LINE * len(name) // 2
        if x > LEFT and x + wide > WIDTH - RIGHT:
            x, y = LEFT, y + LINE
        parts.append(
            f'<rect x="{x}" y="{y - 8}" width="10" height="10" fill="{COLOURS[number % len(COLOURS)]}"/>'
        )
        parts.append(f'<text x="{x + 16}" y="{y}">{escape(name)}</text>')
        x += wide
    return parts, y + LINE


def _named(x: str, y: str, height: int) -> list[str]:
    middle = height / 2
    return [
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{height - 8}" text-anchor="middle">{escape(x)}</text>',
        f'<text x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">{escape(y)}</text>',
    ]


def _axes(low_x: float, high_x: float, low_y: float, high_y: float, top: int) -> list[str]:
    parts = []
    for value in ticks(low_y, high_y):
        y = HEIGHT - BOTTOM - (value - low_y) / (high_y - low_y) * (HEIGHT - top - BOTTOM)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    for value in ticks(low_x, high_x, 8):
        x = LEFT + (value - low_x) / (high_x - low_x) * (WIDTH - LEFT - RIGHT)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{value:g}</text>')
    return parts


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _whole(parts: Sequence[str], title: str, height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        f' role="img" font-family="sans-serif" font-size="11"><title>{escape(title)}</title>'
        f"{''.join(parts)}</svg>"
    )
