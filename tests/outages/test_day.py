"""Outages on their whole way, from every channel and back to it, while requests fail: everything once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.outages.day import lived, made_up, morning

REPORTS, OUTAGES, UNRELATED, WAVES = 45, 3, 16, 2
SEED, RATE = 5, 0.1


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("kind", ["servicenow", "zendesk"])
def test_every_outage_has_one_problem_and_everybody_hears_once(kind: str, tmp_path: Path) -> None:
    reports = made_up(SEED, REPORTS, OUTAGES, UNRELATED)
    with morning(tmp_path / "site", kind) as day:
        counts = lived(day, reports, WAVES, (SEED, RATE))
        found = day.outages()
    assert len(found) == OUTAGES, found
    for what, count in counts.items():
        assert (count.missing, count.double) == ([], []), f"{what} of {len(reports)} reports"
    assert counts["tickets"].wanted == counts["told: received"].wanted == len(reports)
    assert counts["links"].wanted == counts["solves"].wanted == sum(found)
    assert counts["told: leads: opened"].wanted == counts["told: leads: over"].wanted == OUTAGES
