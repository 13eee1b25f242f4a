"""Half of a made-up morning, looked at by the real rule: 250 reports of seven outages among 1,500 other tickets.

The floors are those of a rule that works, not what it is praised for: the less is said, the less can be known. How
well reports find each other in whole mornings of three hospitals is what `python -m bench problems` tells.
"""

from __future__ import annotations

from pathlib import Path

from tests.corpus.gathered import as_ticket, belonging, fresh, gather_all, put_together, take_in
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


def _report(number: int, text: str, application: str, outage: int | None) -> Report:
    """By a button, which names the application, or by mail; one after the other over two hours."""
    channel, named = ("button", application) if number % 3 else ("email", "")
    at = 7200.0 * (number % 40) / 40 if outage is not None else 18.0 * (number - 40)
    return Report(f"r{number}", at, channel, number, text, text, outage, application=named)
