"""Killed anywhere while an outage is reported: one problem, however often it dies, and each incident linked once."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import NullPool, create_engine, select

from connector.ledger.schema import delivery, problem
from connector.sandbox import Sandbox
from tests.crash.harness import Story, warmed

SEEDS = 6
POINTS = 90
TOLD = (
    "{thing} does not open any more, {code} and a blank window for the whole unit",
    "blank window and {code} when {thing} should open",
    "{code}: window of {thing} stays blank, does not open",
    "cannot open {thing}, blank window with {code} since noon",
)


def test_killed_anywhere_while_an_outage_is_reported(box: Sandbox, folder: Path) -> None:
    with warmed(box, folder, None):
        for seed in range(SEEDS):
            box.reset()
            story = Story(box, folder / str(seed), f"outage{seed}", seed)
            _through(story, random.Random(seed))
            box.faults.clear()


def _through(story: Story, chance: random.Random) -> None:
    """A calm outage comes first: without a problem known to exist, no empty look proves anything."""
    story.install()
    settings = story.folder / "connector.yaml"
    settings.write_text(settings.read_text() + "problems: {mode: auto}\n")
    known = len(story.box.servicenow.document()["problem"])
    _reported(story, "Prelude", "REG-77", range(4))
    assert story.run(kill_at=0) == 0
    _reported(story, "Stork", "OB-1204", range(2))
    story.box.faults.chaos(seed=chance.randrange(2**31), rate=chance.choice((0.0, 0.1, 0.25)))
    story.box.servicenow.honours_sys_id = chance.random() < 0.7
    story.run(chance.randint(1, POINTS))
    _reported(story, "Stork", "OB-1204", range(2, 4))
    for _ in range(chance.randint(1, 3)):
        story.run(chance.randint(1, POINTS))
        story.pass_time(chance.choice((0.0, 1.0, 90.0)))
    story.heal()
    _check(story, known)


def _reported(story: Story, thing: str, code: str, numbers: range) -> None:
    for number in numbers:
        said = TOLD[number].format(thing=thing, code=code)
        payload = {
            "request_id": f"{thing}-{number}",
            "submitted_at": datetime.fromtimestamp(time.time() + story.ahead - 300 + number, UTC).isoformat(),
            "source": {"system": "Epic", "environment": "PRD", "application": thing},
            "summary": f"{said} ({story.name})",
            "description": said,
            "requester": {"login": f"user{number}", "email": f"user{number}@crash.example"},
        }
        path = story.folder / "inbox" / "button" / f"{thing}-{number}.json"
        story._write(path, json.dumps(payload).encode())


def _check(story: Story, known: int) -> None:
    desk = story.box.servicenow.document()
    made = desk["problem"][known:]
    assert len(made) == 2, f"{story.name}: {[row['short_description'] for row in made]}"
    hang = Counter(row["problem_id"] or "" for row in desk["incident"] if story.name in row["short_description"])
    assert {row["sys_id"]: hang[row["sys_id"]] for row in made} == {row["sys_id"]: 4 for row in made}
    with create_engine(f"sqlite:///{story.folder}/ledger.db", poolclass=NullPool).connect() as ledger:
        links = Counter(
            (row.ticket_id, row.state) for row in ledger.execute(select(delivery).where(delivery.c.do == "link"))
        )
        states = list(ledger.execute(select(problem.c.state)).scalars())
    assert set(links.values()) == {1}
    assert len(links) == 8
    assert states == ["open", "open"]
