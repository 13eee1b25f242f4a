"""A made-up morning of 500 reports of seven outages among 5,000 other tickets, looked at by the real rule."""

from __future__ import annotations

from pathlib import Path

from tests.corpus.gathered import agreement, as_ticket, belonging, fresh, gather_all, take_in
from tests.corpus.outages import SEEN, Morning

HOURS = 2.0


def test_seven_outages_are_seven_problems(tmp_path: Path) -> None:
    reports = Morning(1, SEEN, hours=HOURS).all()
    now = 1_790_000_000.0
    db = fresh(tmp_path)
    take_in(db, [as_ticket(report, now - HOURS * 3600 - 60) for report in reports], now)
    gather_all(db, now)
    found = {each - 1: cluster for each, cluster in belonging(db).items()}
    db.close()
    precision, recall = agreement([report.outage for report in reports], found)
    assert len(set(found.values())) == len(SEEN)
    assert precision >= 0.93
    assert recall >= 0.9
