"""What people read of an outage: its number, how it was solved, and what else helps, in the help desk's own words."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.app import App
from tests.outages.day import Day, made_up, morning
from tests.outages.desks import ANN
from tests.outages.ears import OPENED, OVER

NOTES = "Patient MRN 4711081 was among those whom it hit; a font was missing, and it is there again."


@pytest.mark.usefixtures("quiet")
def test_the_command_resolves_an_outage_through_to_its_incidents_and_everybody_reads_how(tmp_path: Path) -> None:
    with morning(tmp_path / "site", "servicenow") as day:
        day.arrive(made_up(5, 14, 1, 6))
        day.run()
        _link_article(day)
        with App.open(day.folder / "connector.yaml", clock=day.clock) as app:
            [outage] = app.outages.listed()
            app.outages.resolve(str(outage["number"]), NOTES)
        day.end()
        counts, told = day.reckon(), list(day.ears.messages())
        states = {row["state"] for row in day.box.servicenow.rows("incident") if row["problem_id"]}
    assert states == {"6"}
    assert {what: (count.missing, count.double) for what, count in counts.items()} == dict.fromkeys(counts, ([], []))
    opened = [each.text for each in told if each.kind == OPENED]
    over = [each.text for each in told if each.kind == OVER]
    assert counts["solves"].wanted == len(opened) == len(over) > 6
    assert all(str(outage["title"]) in text for text in (*opened, *over))
    assert all(str(outage["number"]) in text for text in opened if "subject" in text.lower() or "Hello" in text)
    assert all("a font was missing" in text for text in over)
    assert all("Labels without a code" in text and "KB0010009" in text for text in over)
    assert not any("4711081" in text for text in over)


def _link_article(day: Day) -> None:
    """An analyst links knowledge to the problem."""
    desk, [parent] = day.box.servicenow, day.desk.parents()
    with desk.lock:
        what = {"number": "KB0010009", "short_description": "Labels without a code"}
        article = desk.insert("kb_knowledge", what, ANN)
        desk.insert("m2m_kb_task", {"kb_knowledge": article["sys_id"], "task": parent}, ANN)
