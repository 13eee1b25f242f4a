"""Half of a made-up morning, looked at by the real rule: 250 reports of seven outages among 1,500 other tickets.

The floors are those of a rule that works, not what it is praised for: the less is said, the less can be known. How
well reports find each other in whole mornings of three hospitals is what `python -m bench problems` tells.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from connector.config import Problems
from connector.engine.gather import SPELL, accept, spells
from connector.ledger.around import part_of
from connector.ledger.database import Database
from connector.ledger.schema import problem
from connector.problems.signature import Signature
from tests.corpus.gathered import agreement, as_ticket, belonging, fresh, gather_all, put_together, take_in
from tests.corpus.outages import SEEN, Morning, Report

HOURS = 2.0


def test_seven_outages_are_seven_problems(tmp_path: Path) -> None:
    reports = Morning(1, SEEN, reports=250, unrelated=1500, hours=HOURS).all()
    now = 1_790_000_000.0
    problems, precision, recall = put_together(tmp_path, reports, now, now - HOURS * 3600 - 60)
    assert problems == len(SEEN)
    assert precision >= 0.9
    assert recall >= 0.85


def test_the_plainest_outage_is_seen_among_what_else_is_asked(tmp_path: Path) -> None:
    """Half say no more than that it is down; half name the error."""
    applications = ("Payroll", "PACS", "Billing", "Teams", "Orders", "Portal", "Dictation", "Inventory")
    wishes = ("worklist needs an update", "letter has a typo", "dashboard should be renamed", "macro was deleted")
    said = ("Payroll is down", "Payroll not working, error PAY-500")
    reports = [_report(number, said[number % 2], "Payroll", 0) for number in range(40)]
    for number in range(400):
        of = applications[number % 8]
        reports.append(_report(number + 40, f"Question {number}, {of}: {wishes[number % 4]}", of, None))
    now = 1_790_000_000.0
    db = fresh(tmp_path)
    take_in(db, [as_ticket(report, now - 7260) for report in reports], now)
    gather_all(db, now)
    found = belonging(db)
    db.close()
    assert len(set(found.values())) == 1
    assert len(found) >= 36
    assert max(found) <= 40


def test_reports_may_come_in_hours_late(tmp_path: Path) -> None:
    """A source that was away, a mailbox that was full: each run brings some of every time."""
    reports = Morning(1, SEEN, reports=250, unrelated=1500, hours=HOURS).all()
    db, runs, now = fresh(tmp_path), 5, 1_790_000_000.0
    for run in range(runs):
        some = [as_ticket(report, now - HOURS * 3600 - 60) for report in reports[run::runs]]
        take_in(db, some, now, 1 + run * 1000)
        gather_all(db, now)
    found = {(each % 1000 - 1) * runs + each // 1000: cluster for each, cluster in belonging(db).items()}
    precision, recall = agreement([report.outage for report in reports], found)
    assert len(set(found.values())) == len(SEEN)
    assert precision >= 0.9
    assert recall >= 0.85


def test_two_that_turn_out_to_be_one_are_made_one(tmp_path: Path) -> None:
    """An hour of silence lies between them until the reports of that hour come in."""
    db, now = fresh(tmp_path), 1_790_000_000.0
    for first, minutes in ((1, (0, 1, 2, 3)), (101, (60, 61, 62, 63)), (201, (20, 40))):
        reports = [_said(first + place, 60.0 * minute) for place, minute in enumerate(minutes)]
        take_in(db, [as_ticket(report, now - 7260) for report in reports], now, first)
        gather_all(db, now)
        assert _states(db) == {1: ["open"], 101: ["open", "open"], 201: ["open", "merged"]}[first]
    assert set(belonging(db).values()) == {1}
    assert len(belonging(db)) == 10
    db.close()


def test_what_a_person_accepted_goes_on(tmp_path: Path) -> None:
    db, now, settings = fresh(tmp_path), 1_790_000_000.0, Problems(mode="suggest")
    for first, minutes in ((1, (0, 1, 2, 3)), (101, (60, 61, 62, 63)), (201, (20, 40))):
        reports = [_said(first + place, 60.0 * minute) for place, minute in enumerate(minutes)]
        take_in(db, [as_ticket(report, now - 7260) for report in reports], now, first)
        gather_all(db, now, settings)
        if first == 101:
            with db.write() as connection:
                second = connection.execute(select(problem).where(problem.c.id == 2)).one()
                accept(connection, dict(second._mapping), now)
    assert _states(db) == ["merged", "open"]
    assert set(belonging(db).values()) == {2}
    db.close()


def test_two_with_other_errors_stay_two(tmp_path: Path) -> None:
    db, now = fresh(tmp_path), 1_790_000_000.0
    for first, error in ((1, "PAY-500"), (101, "PAY-812")):
        reports = [_said(first + place, 60.0 * place, error) for place in range(4)]
        take_in(db, [as_ticket(report, now - 7260) for report in reports], now, first)
        gather_all(db, now)
    assert _states(db) == ["open", "open"]
    db.close()


@pytest.mark.parametrize("application", ["", "Sitecore"])
def test_a_wish_that_several_have_is_no_outage(tmp_path: Path, application: str) -> None:
    db, now = fresh(tmp_path), 1_790_000_000.0
    text = "web page of the lab shows old opening hours"
    reports = (
        Report(f"r{number}", 60.0 * number, "button", number, text, text, application=application)
        for number in range(5)
    )
    take_in(db, [as_ticket(report, now - 7260) for report in reports], now)
    gather_all(db, now)
    assert belonging(db) == {}
    db.close()


@given(st.lists(st.floats(0, 1e5), max_size=40))
def test_spells_hold_all_in_order_of_time_and_are_short(times: list[float]) -> None:
    each = {number: Signature(frozenset(), frozenset(), "", "", at) for number, at in enumerate(times)}
    found = list(spells(each))
    assert [own.at for spell in found for own in spell.values()] == sorted(times)
    assert {number for spell in found for number in spell} == set(each)
    for spell in found:
        ats = [own.at for own in spell.values()]
        assert ats[-1] - ats[0] <= SPELL


@given(st.floats(0, 1e4), st.floats(0, 1e4), st.lists(st.floats(0, 1e4), min_size=2))
def test_parts_of_a_time_make_the_whole(first: float, last: float, cuts: list[float]) -> None:
    first, last = min(first, last), max(first, last) + 1.0
    cuts = sorted([first, last, *(cut for cut in cuts if first <= cut <= last)])
    parts = [part_of(first, last, since, until) for since, until in itertools.pairwise(cuts)]
    assert sum(parts) == pytest.approx(1.0)
    assert part_of(first, last, last + 1, last + 2) == part_of(first, last, first - 2, first - 1) == 0.0


def _said(number: int, at: float, error: str = "PAY-500") -> Report:
    text = f"Payroll not working, error {error}"
    return Report(f"r{number}", at, "button", number, text, text, 0, application="Payroll")


def _states(db: Database) -> list[str]:
    with db.read() as connection:
        rows = connection.execute(select(problem).order_by(problem.c.id))
        return [row.state if row.merged_into is None else "merged" for row in rows]


def _report(number: int, text: str, application: str, outage: int | None) -> Report:
    """By a button, which names the application, or by mail; one after the other over two hours."""
    channel, named = ("button", application) if number % 3 else ("email", "")
    at = 7200.0 * (number % 40) / 40 if outage is not None else 18.0 * (number - 40)
    return Report(f"r{number}", at, channel, number, text, text, outage, application=named)
