"""The report as one page: no script, nothing from elsewhere, readable on screens light and dark, and on paper."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from connector.report import SCORES, lasting, share
from connector.web.plots import COUNTS, TIMES, Range, Series, columns, ranges

Facts = Mapping[str, Any]

# Colours there are for channels; what comes after shares the last one.
_STYLES = ("one", "two", "three", "four")
# What no document may hold, and what reverses the reading.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def page(facts: Facts) -> str:
    """The page of what `connector report --json` prints."""
    periods = facts["periods"]
    return _template().render(
        facts=facts,
        style=Markup(resources.files(__package__).joinpath("report.css").read_text("utf-8")),  # noqa: S704 - ours
        channels=list(zip(facts["channels"], _styles(len(facts["channels"])), strict=True)),
        plots=_plots(periods, list(facts["channels"])) if facts["total"]["tickets"] else (),
        most=max((each["closed"] for each in facts["analysts"] or ()), default=1),
        widest=max((each["children"] for each in facts["problems"]), default=1),
    )


def _styles(count: int) -> Sequence[str]:
    return [_STYLES[min(number, len(_STYLES) - 1)] for number in range(count)]


def _plots(
    periods: Sequence[Facts], channels: Sequence[str]
) -> Sequence[tuple[str, str, Sequence[tuple[str, str]], Markup]]:
    """Each plot with its title, what it shows, and its legend."""
    places = [period["period"] for period in periods]
    totals = [period["total"] for period in periods]
    arrived = [
        Series(name, style, [_channel(period, name, "tickets") for period in periods])
        for name, style in zip(channels, _styles(len(channels)), strict=True)
    ]
    opinions = [Series(score, score, [total["satisfaction"][score] for total in totals]) for score in SCORES]
    return [
        _columns("Tickets", "by when they were reported", places, arrived),
        _ranges("Time to the first answer", places, [total["first_answer"] for total in totals]),
        _ranges("Time to the solution", places, [total["resolution"] for total in totals]),
        _columns("Answered in time", "by service level", places, _kept(totals, "response_level")),
        _columns("Solved in time", "by service level", places, _kept(totals, "resolution_level")),
        _columns("Satisfaction", "as people said", places, opinions),
    ]


def _columns(
    title: str, what: str, places: Sequence[str], series: Sequence[Series]
) -> tuple[str, str, Sequence[tuple[str, str]], Markup]:
    return title, what, [(one.name, one.style) for one in series], columns(title, places, series, COUNTS)


def _ranges(
    title: str, places: Sequence[str], spreads: Sequence[Facts]
) -> tuple[str, str, Sequence[tuple[str, str]], Markup]:
    values = [Range(spread["median"], spread["p90"]) if spread["tickets"] else None for spread in spreads]
    legend = [("half of them within", "median"), ("nine of ten within", "high")]
    return title, "", legend, ranges(title, places, values, TIMES)


def _kept(totals: Sequence[Facts], level: str) -> list[Series]:
    return [Series(word, word, [total[level][word] for total in totals]) for word in ("met", "missed")]


def _channel(period: Facts, name: str, figure: str) -> float:
    return float(period["channels"][name][figure]) if name in period["channels"] else 0.0


def _clean(value: object) -> str:
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", str(value))


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("connector.web", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(lasting=lasting, clean=_clean)
    environment.globals["share"] = share
    return environment.get_template("report.html")
