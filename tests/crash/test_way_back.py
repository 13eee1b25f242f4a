"""Killed anywhere while changes are read and a problem's members are resolved: each once, and each told once."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, NullPool, create_engine, insert, select

from connector.ledger.schema import happening, heard, link, member, problem, ticket
from connector.sandbox import Sandbox
from connector.sandbox.servicenow.auth import Account
from connector.ticket import Channel, Ticket
from tests.crash.harness import Story, warmed

KILLS = 6
POINTS = 60
ANN = Account("ann.lee", "", "a" * 32, admin=True)


@pytest.fixture
def story(box: Sandbox, folder: Path) -> Iterator[Story]:
    with warmed(box, folder, None):
        box.reset()
        made = Story(box, folder / "site", "back")
        made.install()
        yield made


def test_killed_while_a_problem_ends(box: Sandbox, story: Story) -> None:
    chance = random.Random(11)
    for number in range(1, 4):
        story.press_button(number, "user")
    story.run(kill_at=0)
    for turn in range(KILLS):
        parent = _outage(box, story, turn)
        _resolve(box, parent, turn)
        for _ in range(2):
            story.run(kill_at=chance.randint(1, POINTS))
            story.pass_time(20.0)
    story.heal()
    assert {each["state"] for each in box.servicenow.document()["incident"]} == {"6"}
    with _ledger(story) as connection:
        told = Counter(tuple(row) for row in connection.execute(_TOLD))
        said = list(connection.execute(select(heard.c.text)).scalars())
    assert set(told.values()) == {1}
    assert sum(what == "problem_resolved" for what, _, _ in told) == KILLS * 4
    assert Counter(text for text in said if text.startswith("turn")) == {f"turn {turn}": 4 for turn in range(KILLS)}


_TOLD = select(happening.c.what, happening.c.ticket_id, happening.c.key)


def _ledger(story: Story) -> Connection:
    return create_engine(f"sqlite:///{story.folder}/ledger.db", poolclass=NullPool).connect()


def _outage(box: Sandbox, story: Story, turn: int) -> str:
    """All incidents are open again, and belong to a new problem."""
    desk, key, now = box.servicenow, f"p{turn}", time.time() + story.ahead
    with desk.lock:
        parent = desk.insert("problem", {"short_description": "x"}, ANN)
        for row in list(desk.tables["incident"].rows.values()):
            desk.write(
                "incident", row, {"state": "2", "problem_id": parent["sys_id"], "work_notes": f"turn {turn}"}, ANN
            )
    story.run(kill_at=0)
    own = Ticket(source="problem", external_id=key, channel=Channel.BUTTON, summary="x")
    ids: dict[str, object] = {
        "source": "problem",
        "external_id": key,
        "version": 1,
        "fingerprint": "1:x",
        "sink": "servicenow",
        "grp": "",
    }
    there: dict[str, object] = {
        "sink": "servicenow",
        "remote_id": parent["sys_id"],
        "number": parent["number"],
        "url": "",
    }
    with _ledger(story) as connection, connection.begin():
        members = list(connection.execute(select(link.c.ticket_id).where(link.c.sink == "servicenow")).scalars())
        members = [each for each in members if each < 900]
        times: dict[str, object] = {"created_at": now, "updated_at": now}
        connection.execute(insert(ticket), [{**ids, **times, "id": 900 + turn, "body": own.model_dump_json()}])
        more: dict[str, object] = {"ticket_id": 900 + turn, "sent": "{}", "echo": "{}", "notes": "{}", "linked_at": now}
        connection.execute(insert(link), [{**there, **more}])
        cluster: dict[str, object] = {
            "id": turn + 1,
            "key": key,
            "sink": "servicenow",
            "state": "open",
            "ticket_id": 900 + turn,
        }
        connection.execute(insert(problem), [{**cluster, "title": "x", "binds": "{}", "first_at": now, "last_at": now}])
        connection.execute(member.delete())
        joined: dict[str, object] = {"problem_id": turn + 1, "why": "", "joined_at": now}
        connection.execute(insert(member), [{**joined, "ticket_id": each} for each in members])
    return str(parent["sys_id"])


def _resolve(box: Sandbox, parent: str, turn: int) -> None:
    notes = {"cause_notes": "x", "fix_notes": f"fixed in turn {turn}"}
    desk = box.servicenow
    steps: tuple[dict[str, str], ...] = ({"state": "102", "assigned_to": "a" * 32}, {"state": "103"})
    with desk.lock:
        for values in (*steps, {"state": "104", **notes}, {"state": "106", "resolution_code": "fix_applied"}):
            desk.write("problem", desk.tables["problem"].rows[parent], values, ANN)
