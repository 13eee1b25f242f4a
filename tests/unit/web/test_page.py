"""The report's page: well-formed, self-contained, the same figures as the document, and no name is more than a name."""

from __future__ import annotations

import re
from datetime import UTC, date
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.report import By, Case, Sheet, periods
from connector.service_levels import DEFAULT
from connector.web import page
from connector.web.plots import COUNTS, HEIGHT, TIMES, WIDTH, Range, Series, columns, ranges

VOID = {"meta", "link", "br", "img", "input", "hr"}
HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=//evil.example onerror=alert('1')>",
    "</style></title><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% for x in y %}",
    "\x00\x1b[31m\u202eevil\ud800",
    "&amp;<!-- ]]>",
    "",
]


class Reader(HTMLParser):
    """Tags that are opened and closed in order; addresses and texts on the way."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def facts(count: int, names: list[str] | None = None, channel: str = "email") -> dict[str, Any]:
    """What a report of so many tickets prints."""
    days = periods(By.WEEK, date(2026, 7, 1), date(2026, 9, 20), UTC)
    sheet = Sheet(days, DEFAULT, days[-1].end)
    for number in range(count):
        at = days[0].begin + number * 3600.0 % (days[-1].end - days[0].begin)
        sheet.add(Case(channel, at, 1 + number % 5, 0, "closed", at + 600, at + 9000.0 * (number % 7), 0, 0, 1))
        sheet.score(channel, at, "good")
    given = HOSTILE if names is None else names
    problem = {"url": "", "children": 3, "first_report": "2026-09-14T08:00:00+00:00", "last_report": ""}
    return {
        "site": "north-7f3a",
        "at": "2026-09-20T12:00:00Z",
        "by": "week",
        "zone": "Europe/Berlin",
        **sheet.document(),
        "analysts": [{"name": name, "closed": 5} for name in given],
        "problems": [{**problem, "problem": "k", "number": name, "sink": name, "state": "open"} for name in given],
    }


@pytest.mark.parametrize("count", [0, 1, 500])
def test_the_page_is_whole_and_needs_nothing_else(count: int) -> None:
    text = page(facts(count, ["Amara Okafor", ""]))
    read = Reader(text)
    assert read.open == []
    assert text.startswith("<!doctype html>")
    assert not {"script", "link", "img", "iframe", "object", "base", "form", "a"} & set(read.tags)
    assert not {"src", "href", "xlink:href", "action", "onload", "onerror", "style"} & {
        name for name, _ in read.attributes
    }
    assert not re.search(r"url\(|@import|https?:|//", text)
    policy = next(value for name, value in read.attributes if value.startswith("default-src"))
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline';")
    assert read.tags.count("svg") == (6 if count else 0)


def test_names_are_names_whatever_they_hold() -> None:
    text = page(facts(20, channel='"><script>'))
    read = Reader(text)
    assert read.open == []
    assert not {"script", "img"} & set(read.tags)
    assert not {"onload", "onerror"} & {name for name, _ in read.attributes}
    assert HOSTILE[0] in read.texts
    assert "{{ 7 * 7 }}{% for x in y %}" in read.texts
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e\ud800-\udfff]", text)
    text.encode("utf-8")


def test_people_may_be_left_out() -> None:
    text = page({**facts(5, ["Amara Okafor"]), "analysts": None, "problems": []})
    assert "Amara" not in text
    assert "analyst" not in text.split("<h2>What is counted</h2>")[0]


def test_the_page_shows_the_documents_figures() -> None:
    made = facts(300)
    read = Reader(page(made))
    total = made["total"]
    assert str(total["tickets"]) in read.texts
    missed = total["resolution_level"]
    assert f"of {missed['met'] + missed['missed']} that were due" in read.texts
    told = [text for text in read.texts if re.fullmatch(r"2026-W\d\d, email: \d+", text)]
    assert sum(int(text.rpartition(" ")[2]) for text in told) == 300


def test_it_is_readable_on_paper_and_in_the_dark() -> None:
    style = page(facts(1)).partition("</style>")[0]
    assert "@media print" in style
    assert "screen and (prefers-color-scheme: dark)" in style


# ── plots ────────────────────────────────────────────────────────────────────────────────────────────────────────

NUMBERS = st.one_of(st.just(0.0), st.floats(0.01, 1e12))


def sizes(plot: str, name: str) -> list[float]:
    return [float(value) for value in re.findall(rf'\b{name}="([-0-9.e+]+)"', plot)]


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=60))
def test_columns_stay_within_their_frame(values: list[tuple[float, float]]) -> None:
    places = [f"2026-W{number:02}" for number in range(len(values))]
    series = [Series("a", "one", [one for one, _ in values]), Series("b", "two", [two for _, two in values])]
    plot = columns("what", places, series, COUNTS)
    if not any(map(any, values)):
        assert plot == ""
        return
    assert len(sizes(plot, "height")) == sum(value > 0 for pair in values for value in pair)
    assert all(0 <= y <= HEIGHT for y in sizes(plot, "y"))
    assert all(0 <= x <= WIDTH for x in sizes(plot, "x"))
    assert 2 <= plot.count('class="level"') <= 6


@given(st.lists(st.one_of(st.none(), st.tuples(NUMBERS, NUMBERS)), max_size=60))
def test_ranges_stay_within_their_frame(values: list[tuple[float, float] | None]) -> None:
    given = [None if pair is None else Range(min(pair), max(pair)) for pair in values]
    plot = ranges("what", [str(number) for number in range(len(given))], given, TIMES)
    assert plot.count("<circle") == sum(value is not None for value in given)
    assert all(0 <= y <= HEIGHT for y in [*sizes(plot, "y"), *sizes(plot, "cy")])


def test_lines_stand_at_round_values() -> None:
    marks = re.findall(r'class="axis end"[^>]*>([^<]+)<', columns("", ["a"], [Series("a", "one", [730.0])], COUNTS))
    assert marks == ["0", "200", "400", "600", "800"]
    marks = re.findall(r'class="axis end"[^>]*>([^<]+)<', ranges("", ["a"], [Range(600, 20 * 3600)], TIMES))
    assert marks == ["0", "6 h", "12 h", "18 h", "24 h"]
