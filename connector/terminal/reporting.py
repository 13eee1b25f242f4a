"""`connector report`: what was asked for as values, and the figures on the screen or as a page in a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from connector.errors import Finding, SettingsError
from connector.report import MOST_PERIODS, By, TooMany, lasting, share
from connector.terminal import screen
from connector.terminal.group import fold

if TYPE_CHECKING:
    from connector.app import App

Facts = Mapping[str, Any]
SHOWN = 10


def facts(app: App, by: str, since: date | None, until: date | None, zone: str, people: bool) -> Facts:
    """The figures of these days. Raises SettingsError for a zone that is not known, and days that make no report."""
    try:
        return app.report(By(by), since, until, _zone(zone), people)
    except TooMany as error:
        remedy = f"a report has {MOST_PERIODS} periods at most: take longer ones with --by, or begin later"
        raise SettingsError([Finding("too-many-periods", "--since", str(error), remedy)]) from None
    except OverflowError:
        raise SettingsError([Finding("no-period", "--until", "these days are beyond the calendar")]) from None
    except ValueError as error:
        raise SettingsError([Finding("no-period", "--since", str(error), "write the earlier day first")]) from None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # also a folder of the time zone database, and what is no name at all
        remedy = "write UTC, or a name of the time zone database such as Europe/Berlin"
        raise SettingsError([Finding("no-zone", "--zone", f"no time zone {name[:60]!r}", remedy)]) from None


def write(facts: Facts, path: Path) -> None:
    """Write the figures as a page, and say so on stderr. Raises SettingsError where that cannot be."""
    from connector.web import page

    try:
        path.write_text(page(facts), "utf-8")
    except OSError as error:
        what = f"cannot be written: {error.strerror}"
        raise SettingsError([Finding("no-write", str(path), what, "name another file")]) from None
    click.echo(fold(f"Written to {path}."), err=True)


# ── on the screen ────────────────────────────────────────────────────────────────────────────────────────────────

_SPEED = (
    *("tickets", "answered\nhalf in", "answered\n90 % in", "answered\nin time"),
    *("solved\nhalf in", "solved\n90 % in", "solved\nin time"),
)
_CARE = ("solved at\nfirst contact", "misassigned", "reopened", "bypassed", "satisfied")


def show(facts: Facts) -> None:
    """Tables, none wider than 100 columns: how soon and how well, in all and by period; people; problems."""
    screen.line(f"Reported from {facts['since']} to {facts['until']} ({facts['zone']}), site {facts['site']}")
    whole = [((name,), figures) for name, figures in [*facts["channels"].items(), ("all", facts["total"])]]
    _figures(("channel",), whole)
    each = [((period["period"], name), of) for period in facts["periods"] for name, of in period["channels"].items()]
    if each:
        _figures((facts["by"], "channel"), each)
    _people(facts["analysts"] or ())
    _problems(facts["problems"])


def _figures(names: tuple[str, ...], rows: Sequence[tuple[tuple[str, ...], Facts]]) -> None:
    for heads, figures in ((_SPEED, _speed), (_CARE, _care)):
        screen.line()
        screen.table((*names, *heads), [(*name, *figures(of)) for name, of in rows])


def _speed(figures: Facts) -> tuple[object, ...]:
    answer, solution = figures["first_answer"], figures["resolution"]
    return (
        figures["tickets"],
        *(lasting(answer["median"]), lasting(answer["p90"]), _met(figures["response_level"])),
        *(lasting(solution["median"]), lasting(solution["p90"]), _met(figures["resolution_level"])),
    )


def _care(figures: Facts) -> tuple[object, ...]:
    seen, opinions = figures["observed"], figures["satisfaction"]
    return (
        share(figures["first_contact"], figures["resolution"]["tickets"]),
        share(figures["misassigned"], seen),
        share(figures["reopened"], seen),
        figures["bypassed"],
        share(opinions["good"], sum(opinions.values())),
    )


def _met(level: Facts) -> str:
    return share(level["met"], level["met"] + level["missed"])


def _people(analysts: Any) -> None:
    if analysts:
        screen.line()
        rows = [(each["name"] or "(nobody by name)", each["closed"]) for each in analysts[:SHOWN]]
        screen.table(("analyst", "solved"), rows)


def _problems(problems: Any) -> None:
    if problems:
        screen.line()
        rows = [(each["number"] or each["problem"], each["sink"], each["state"], each["children"]) for each in problems]
        screen.table(("problem", "sink", "state", "tickets"), rows[:SHOWN])
