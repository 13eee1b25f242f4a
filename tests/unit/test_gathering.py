"""Half of a made-up morning, looked at by the real rule: 250 reports of seven outages among 1,500 other tickets.

The floors are those of a rule that works, not what it is praised for: the less is said, the less can be known. How
well reports find each other in whole mornings of three hospitals is what `python -m bench problems` tells.
"""

from __future__ import annotations

from pathlib import Path

from tests.corpus.gathered import agreement, as_ticket, belonging, fresh, gather_all, take_in
from tests.corpus.outages import SEEN, Morning

HOURS = 2.0


def test_seven_outages_are_seven_problems(tmp_path: Path) -> None:
    reports = Morning(1, SEEN, reports=250, unrelated=1500, hours=HOURS).all()
    now = 1_790_000_000.0
    db = fresh(tmp_path)
    take_in(db, [as_ticket(report, now - HOURS * 3600 - 60) for report in reports], now)
    gather_all(db, now)
    found = {each - 1: cluster for each, cluster in belonging(db).items()}
    db.close()
    precision, recall = agreement([report.outage for report in reports], found)
    assert len(set(found.values())) == len(SEEN)
    assert precision >= 0.9
    assert recall >= 0.85
