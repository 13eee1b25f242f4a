"""Plots as inline SVG: no script, colours from the page's style sheet, every value in a title that a pointer shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from markupsafe import Markup

from connector.report import lasting

WIDTH, HEIGHT = 400, 190
LEFT, RIGHT, TOP, BOTTOM = 46, 4, 8, 24
_LETTER = 6.5  # of an axis, in the plot's own units
_LINES = 4

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0
_TIMES = (
    *(10.0, 20.0, 30.0, _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE),
    *(_HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 5 * _DAY),
)


def _round(least: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50 and so on."""
    power = float(10 ** math.floor(math.log10(max(least, 1.0))))
    return next(step * power for step in (1.0, 2.0, 5.0, 10.0) if step * power >= least)


def _round_time(least: float) -> float:
    return next((step for step in _TIMES if step >= least), _round(least / _DAY) * _DAY)


@dataclass(frozen=True, slots=True)
class Scale:
    """What an axis shows: the distance of its lines, at least so much, and how a value is written."""

    step: Callable[[float], float]
    say: Callable[[float], str]


COUNTS = Scale(_round, lambda value: f"{value:,.0f}")
TIMES = Scale(_round_time, lasting)


@dataclass(frozen=True, slots=True)
class Series:
    """Values that belong together, one for each place on the axis; `style` is the class that colours them."""

    name: str
    style: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Range:
    """From a typical value to a high one."""

    median: float
    high: float


def columns(title: str, places: Sequence[str], series: Sequence[Series], scale: Scale) -> Markup:
    """Columns whose parts stand upon each other; "" where there is nothing to show."""
    most = max((sum(values) for values in zip(*(one.values for one in series), strict=True)), default=0.0)
    if not most:
        return Markup("")
    plot = _Plot(title, places, most, scale)
    for number, place in enumerate(places):
        below = 0.0
        for one in series:
            value = one.values[number]
            if value > 0:
                plot.bar(number, below, below + value, one.style, f"{place}, {one.name}: {scale.say(value)}")
            below += value
    return plot.svg()


def ranges(title: str, places: Sequence[str], values: Sequence[Range | None], scale: Scale) -> Markup:
    """A dot at each median, and a bar from there to the high value; "" where there is nothing to show."""
    if not any(values):
        return Markup("")
    plot = _Plot(title, places, max((value.high for value in values if value), default=0.0), scale)
    for number, (place, value) in enumerate(zip(places, values, strict=True)):
        if value is not None:
            told = f"{place}: half within {scale.say(value.median)}, nine of ten within {scale.say(value.high)}"
            plot.bar(number, value.median, value.high, "high", told, most=10.0)
            plot.dot(number, value.median, "median", told)
    return plot.svg()


class _Plot:
    """A frame with its axes, to be drawn into."""

    def __init__(self, title: str, places: Sequence[str], most: float, scale: Scale) -> None:
        self._step = scale.step(most / _LINES)
        self._top = max(math.ceil(most / self._step), 1) * self._step
        self._slot = (WIDTH - LEFT - RIGHT) / max(len(places), 1)
        self._svg = Element("svg", viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img")
        self._svg.set("aria-label", title)
        self._levels(scale)
        self._names(places)

    def bar(self, place: int, low: float, high: float, style: str, told: str, most: float = 40.0) -> None:
        """A bar between two values, at most so wide."""
        width = min(self._slot * 0.72, most)
        top = self._y(high)
        shape = self._shape("rect", style, told, x=self._x(place) - width / 2, y=top, width=width)
        shape.set("height", _number(max(self._y(low) - top, 0.5)))

    def dot(self, place: int, value: float, style: str, told: str) -> None:
        """A dot at a value."""
        self._shape("circle", style, told, cx=self._x(place), cy=self._y(value), r=min(self._slot * 0.4, 4.0))

    def svg(self) -> Markup:
        """The plot."""
        return Markup(ElementTree.tostring(self._svg, encoding="unicode"))  # noqa: S704 - made of escaped elements

    def _levels(self, scale: Scale) -> None:
        for number in range(round(self._top / self._step) + 1):
            value = number * self._step
            y = self._y(value)
            self._part("line", "level", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y)
            self._part("text", "axis end", x=LEFT - 6, y=y + 3.5).text = scale.say(value) if value else "0"

    def _names(self, places: Sequence[str]) -> None:
        room = max(map(len, places), default=0) * _LETTER + 8
        every = math.ceil(room / self._slot)
        for number, place in enumerate(places):
            if number % every == 0:
                self._part("text", "axis middle", x=self._x(number), y=HEIGHT - 7).text = place

    def _shape(self, kind: str, style: str, told: str, **sizes: float) -> Element:
        shape = self._part(kind, style, **sizes)
        SubElement(shape, "title").text = told
        return shape

    def _part(self, kind: str, style: str, **sizes: float) -> Element:
        given = {name: _number(size) for name, size in sizes.items()}
        return SubElement(self._svg, kind, {"class": style, **given})

    def _x(self, place: int) -> float:
        return LEFT + (place + 0.5) * self._slot

    def _y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / self._top


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
