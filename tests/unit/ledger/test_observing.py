"""What help desks say is committed page by page, each fact once, on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, select

from connector.closure import DEFAULT
from connector.delivery import Move
from connector.errors import Busy
from connector.ledger import deliveries, leases, observing, records, settling, unseen
from connector.ledger.database import Database
from connector.ledger.leases import Lease
from connector.ledger.observing import Rules
from connector.ledger.problems import delivery_row
from connector.ledger.schema import delivery, happening, heard, link, member, problem, remote, ticket
from connector.ledger.schema import unseen as waiting
from connector.ledger.settling import Done
from connector.plugins import Change, ChangePage, Do, Receipt, Said, Status

NOW = 1_000_000.0
RULES = Rules(DEFAULT, 120.0)


@pytest.fixture
def held(db: Database) -> Lease:
    """Three tickets at the desk, the records R1 to R3; the third is the parent of the others' problem."""
    with db.write() as connection:
        for number in (1, 2, 3):
            own = {
                "id": number,
                "source": "s",
                "external_id": f"{number}",
                "version": 1,
                "fingerprint": "",
                "body": "{}",
            }
            connection.execute(
                insert(ticket), [{**own, "sink": "desk", "grp": "", "created_at": NOW, "updated_at": NOW}]
            )
            there = {"ticket_id": number, "sink": "desk", "remote_id": f"R{number}", "number": f"N{number}", "url": ""}
            connection.execute(insert(link), [{**there, "sent": "{}", "echo": "{}", "notes": "{}", "linked_at": NOW}])
        unseen.expect(connection, [1, 2, 3])
        row = {"id": 1, "key": "p", "sink": "desk", "state": "open", "ticket_id": 3, "title": "", "binds": ""}
        connection.execute(insert(problem), [{**row, "first_at": NOW, "last_at": NOW}])
        joined = {"problem_id": 1, "why": "", "joined_at": NOW}
        connection.execute(insert(member), [{**joined, "ticket_id": number} for number in (1, 2)])
    lease = leases.take(db, "observe:desk", "me", NOW)
    assert lease is not None
    return lease


def rows(db: Database, table: Any) -> list[Any]:
    with db.read() as connection:
        return list(connection.execute(select(table)))


def take(db: Database, held: Lease, *changes: Change, cursor: str = "c1") -> int:
    page = ChangePage(changes, {"at": cursor}, complete=True)
    return observing.take(db, held, "desk", page, RULES, NOW + 10).queued


def change(name: str, status: Status, stamp: str = "1", **more: Any) -> Change:
    return Change(name, status, stamp, NOW, **more)


def test_a_page_counts_once_however_often_it_is_read(db: Database, held: Lease) -> None:
    said = Said("c1", NOW, "Ann", public=True, desk=True, text="On it.")
    own = change("R1", Status.OPEN, said=(said,), number="N1")
    for _ in range(2):
        take(db, held, own, change("R9", Status.OPEN))
    assert [(row.ticket_id, row.status, row.replies) for row in rows(db, remote)] == [(1, "open", 1)]
    assert [row.text for row in rows(db, heard)] == ["On it."]
    assert sorted(row.what for row in rows(db, happening)) == ["changed", "said"]
    assert records.cursor_of(db, "changes:desk") == {"at": "c1"}
    assert observing.known(db, "desk", ["R1", "R2", "R9"]) == {"R1": "1", "R2": ""}


def test_nothing_of_a_page_stays_where_the_lease_is_lost(db: Database, held: Lease) -> None:
    assert leases.take(db, "observe:desk", "other", NOW + 1000) is not None
    with pytest.raises(Busy):
        take(db, held, change("R1", Status.OPEN))
    assert rows(db, remote) == []
    assert records.cursor_of(db, "changes:desk") == {}


def test_the_end_of_a_problem_is_one_commit(db: Database, held: Lease) -> None:
    take(db, held, change("R2", Status.RESOLVED))
    assert take(db, held, change("R3", Status.RESOLVED, notes="Mended.", number="N3")) == 1
    assert take(db, held, change("R3", Status.RESOLVED, "2", number="N3")) == 0
    [solve] = rows(db, delivery)
    assert (solve.ticket_id, solve.do, solve.part, solve.due_at) == (1, "solve", "solve:p:0", NOW + 130)
    told = [(row.ticket_id, row.what) for row in rows(db, happening) if row.what == "problem_resolved"]
    assert told == [(1, "problem_resolved"), (2, "problem_resolved")]
    assert rows(db, problem)[0].state == "resolved"
    take(db, held, change("R3", Status.OPEN, "3"))
    assert [row.state for row in rows(db, delivery)] == ["dropped"]
    assert take(db, held, change("R3", Status.RESOLVED, "4")) == 1
    assert [row.part for row in rows(db, delivery)] == ["solve:p:0", "solve:p:1"]


def test_a_cause_that_is_known_is_told_once(db: Database, held: Lease) -> None:
    take(db, held, change("R3", Status.OPEN, "1", known_error=True))
    take(db, held, change("R3", Status.OPEN, "2", known_error=True, assignee="Ann"))
    assert [row.ticket_id for row in rows(db, happening) if row.what == "deferred"] == [1, 2]


def test_what_was_merged_goes_on_as_the_other(db: Database, held: Lease) -> None:
    take(db, held, change("R1", Status.MERGED, merged_into="R2"), change("R2", Status.OPEN))
    assert sorted(row.remote_id for row in rows(db, link)) == ["R2", "R2", "R3"]
    assert unseen.overdue(db, "desk", NOW, 10) == ["R2"]
    take(db, held, change("R2", Status.RESOLVED, ""))
    assert {row.ticket_id: row.status for row in rows(db, remote)} == {1: "resolved", 2: "resolved"}
    assert sorted(row.ticket_id for row in rows(db, happening) if row.what == "resolved") == [1, 2]


def test_what_was_never_seen(db: Database, held: Lease) -> None:
    assert unseen.overdue(db, "desk", NOW + 1, 10) == ["R3", "R2", "R1"]
    assert unseen.overdue(db, "desk", NOW + 1, 2) == ["R3", "R2"]
    assert unseen.overdue(db, "desk", NOW, 10) == []
    take(db, held, change("R2", Status.OPEN))
    assert unseen.overdue(db, "desk", NOW + 1, 10) == ["R3", "R1"]


def test_what_is_linked_waits_to_be_read_until_it_was(db: Database, held: Lease) -> None:
    take(db, held, *(change(f"R{number}", Status.OPEN) for number in (1, 2, 3)))
    assert rows(db, waiting) == []
    accepted(db, "R1", Do.UPDATE)  # the record that was read
    assert rows(db, waiting) == []
    accepted(db, "R4", Do.CREATE)
    assert [tuple(row) for row in rows(db, waiting)] == [("desk", 1, NOW + 20)]
    assert unseen.overdue(db, "desk", NOW + 21, 10) == ["R4"]
    take(db, held, change("R4", Status.OPEN))
    assert rows(db, waiting) == []


def accepted(db: Database, record: str, do: Do) -> None:
    """The desk took in something of the first ticket."""
    with db.write() as connection:
        made = delivery_row(1, "desk", do, f"{do.value}:{record}", NOW) | {"state": "unsure"}
        connection.execute(insert(delivery), [made])
    [row] = deliveries.unsure(db, "desk", NOW, 10)
    settling.settle(db, row, Move.FOUND, Done(Receipt(record)), NOW + 20)


def test_what_may_still_change(db: Database, held: Lease) -> None:
    take(db, held, change("R1", Status.CLOSED), change("R2", Status.RESOLVED), change("R3", Status.OPEN))
    assert observing.unfinished(db, "desk", 0, 10) == [(2, "R2"), (3, "R3")]
    assert observing.unfinished(db, "desk", 2, 10) == [(3, "R3")]
    assert observing.since_read(db, "desk", NOW + 15) == 5.0
    assert observing.since_read(db, "desk", NOW) == float("inf")


def test_what_happened_before_anybody_watched_is_no_news(db: Database, held: Lease) -> None:
    page = ChangePage([change("R1", Status.RESOLVED)])
    observing.take(db, held, "desk", page, RULES, NOW + 10 * observing.FRESH)
    assert [row.status for row in rows(db, remote)] == ["resolved"]
    assert rows(db, happening) == []
