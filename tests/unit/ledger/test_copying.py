"""A ledger moves to another database whole, or not at all; the one it was is refused from then on."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table, event, insert, select, update

from connector.delivery import Move, State
from connector.errors import Busy
from connector.ledger import claims, copying, deliveries, identity, inbox, leases, settling
from connector.ledger.claims import Claim, Terms
from connector.ledger.copying import copy
from connector.ledger.database import Database, LedgerError, MovedLedger
from connector.ledger.moves import Step
from connector.ledger.schema import blob, metadata, record, ticket
from connector.ledger.settling import Done
from connector.plugins import Receipt
from connector.ticket import Attachment
from tests.postgres import Server
from tests.unit.ledger.rows import reply, take, taken
from tests.unit.ledger.rows import ticket as ticket_of
from tests.unit.ledger.test_deliveries import NOW, due, filled

Opened = Callable[[], Database]


@pytest.fixture(params=["sqlite", "postgres"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    """Opens a ledger that nobody has used."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_ledger"), tmp_path / "moved.db")
        yield lambda: Database.open("sqlite:///moved.db", tmp_path)
        return
    server: Server = request.getfixturevalue("postgres")
    url = server.ledger()
    yield lambda: Database.open(url)
    server.drop(url)


@pytest.fixture
def full(db: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A ledger with something in every state, files, posts, replies that wait, and more rows than a batch has."""
    monkeypatch.setattr(copying, "BATCH", 7)
    files = (Attachment.of("screen.png", bytes(range(256)) * 40),)
    take(db, [taken(reply("late", ["nobody"]), "late.eml")])
    take(db, [taken(ticket_of("files", attachments=files, description="NUL-free ä 😀"), "files.eml")])
    filled(db, *(f"t{number}" for number in range(10)), comments=1)
    first, second, third, fourth = due(db)[:4]
    claim(db, first)
    settling.settle(db, first, Move.ACCEPTED, Done(Receipt("sys1", "INC1", echo={"f": "x"})), NOW)
    claim(db, second)
    claims.lose_expired(db, NOW + 1000)
    settling.settle_otherwise(db, third, Step(third.id, third.ticket_id, State.QUEUED, Move.HELD), NOW)
    settling.settle_otherwise(db, fourth, Step(fourth.id, fourth.ticket_id, State.QUEUED, Move.ENDED), NOW)
    inbox.put_in(db, [inbox.Post("button", b"{}")], NOW)
    return db


def claim(db: Database, row: deliveries.Delivery, who: str = "me") -> None:
    assert claims.claim(db, [Claim(row, {"b": 1.5})], Terms(who, NOW, 100.0))


def rows(db: Database, table: Table) -> list[tuple[Any, ...]]:
    with db.read() as connection:
        return sorted((tuple(row) for row in connection.execute(select(table))), key=repr)


def quiet(_step: str, _done: int, _total: int | None) -> None: ...


def test_every_row_of_every_table_arrives(full: Database, target: Opened) -> None:
    before = {table.name: rows(full, table) for table in metadata.sorted_tables}
    there = target()
    counted = copy(full, there, NOW, quiet)
    assert counted == {name: len(found) for name, found in before.items()}
    after = {table.name: rows(there, table) for table in metadata.sorted_tables}
    kept = {name: found for name, found in before.items() if name != "meta"}
    assert {name: found for name, found in after.items() if name != "meta"} == kept
    assert len(after["blob"]) == 1
    there.close()


def test_work_goes_on_there_with_ids_of_its_own(full: Database, target: Opened) -> None:
    there = target()
    copy(full, there, NOW, quiet)
    known = {row[0] for row in rows(there, ticket)}
    take(there, [taken(ticket_of("new"), "new.eml")])
    assert len({row[0] for row in rows(there, ticket)} - known) == 1
    claim(there, due(there)[0])
    there.close()


def test_the_old_one_is_refused_whoever_has_it_open(
    full: Database, target: Opened, ledger_url: str, tmp_path: Path
) -> None:
    running = Database.open(ledger_url, tmp_path)  # a process that goes on
    row = due(running)[0]
    there = target()
    copy(full, there, NOW, quiet)
    with pytest.raises(MovedLedger, match="was moved to") as refused:
        claims.claim(running, [Claim(row, {"b": 1})], Terms("me", NOW, 100.0))
    assert "write ledger:" in refused.value.remedy
    with pytest.raises(MovedLedger):
        Database.open(ledger_url, tmp_path)
    with pytest.raises(MovedLedger):
        Database.look_at(ledger_url, tmp_path)
    assert identity.generation(there) > identity.generation(running)
    claim(there, deliveries.one(there, row.id))
    running.close()
    there.close()


def test_a_backup_of_the_old_one_is_behind_the_stamp(full: Database, target: Opened, tmp_path: Path) -> None:
    there = target()
    before = identity.generation(full)
    copy(full, there, NOW, quiet)
    identity.stamp(there, tmp_path, "north-test", NOW)
    assert (stamp := identity.read_stamp(tmp_path)) is not None
    assert stamp.generation > before
    there.close()


def test_a_target_that_holds_anything_is_refused(full: Database, target: Opened) -> None:
    there = target()
    take(there, [taken(ticket_of("mine"), "mine.eml")])
    with pytest.raises(LedgerError, match="not empty"):
        copy(full, there, NOW, quiet)
    assert len(rows(there, ticket)) == 1
    still_used(full)
    there.close()


def still_used(db: Database) -> None:
    with db.write() as connection:
        connection.execute(update(ticket).values(updated_at=NOW))


def test_nobody_is_moved_in_the_middle_of_a_run(full: Database, target: Opened) -> None:
    there = target()
    held = leases.take(full, "collect:mail", leases.holder(), NOW)
    assert held is not None
    with pytest.raises(Busy, match="a run is under way"):
        copy(full, there, NOW, quiet)
    leases.give_back(full, held)
    claim(full, due(full)[0], leases.holder())
    with pytest.raises(Busy):
        copy(full, there, NOW, quiet)
    assert copy(full, there, NOW + 1000, quiet)["ticket"] > 0  # its claim ran out: the next run looks for it
    there.close()


def test_a_row_that_arrives_otherwise_stops_it_and_nothing_has_changed(full: Database, target: Opened) -> None:
    there = target()

    def damage(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO blob"):
            connection.exec_driver_sql("UPDATE blob SET size = size + 1")

    event.listen(there.engine, "after_cursor_execute", damage)
    with pytest.raises(LedgerError, match="blob"):
        copy(full, there, NOW, quiet)
    event.remove(there.engine, "after_cursor_execute", damage)
    assert [rows(there, table) for table in metadata.sorted_tables] == [[] for _ in metadata.sorted_tables]
    still_used(full)
    assert copy(full, there, NOW, quiet)["blob"] == 1  # what was left behind is in nobody's way
    there.close()


def test_it_is_not_copied_onto_itself(full: Database) -> None:
    with pytest.raises(LedgerError, match="itself"):
        copy(full, full, NOW, quiet)


def test_a_nul_becomes_what_postgresql_can_hold(sqlite_url: str, postgres: Server, tmp_path: Path) -> None:
    source = Database.open(sqlite_url, tmp_path)
    values = {"source": "mail", "place": "a\0b", "digest": b"\0", "outcome": "counted", "at": NOW}
    with source.write() as connection:
        connection.execute(insert(record), [values])
        connection.execute(insert(blob), [{"sha256": "x", "size": 3, "content": b"\0\xff\0"}])
    url = postgres.empty()
    there = Database.open(url)
    copy(source, there, NOW, quiet)
    assert rows(there, record)[0][1] == "a\ufffdb"
    assert rows(there, blob)[0][2] == b"\0\xff\0"
    source.close()
    there.close()
    postgres.drop(url)


def test_it_tells_how_far_it_is(full: Database, target: Opened) -> None:
    said: list[tuple[str, int, int | None]] = []
    there = target()
    copy(full, there, NOW, lambda *told: said.append(told))
    deliveries_told = [(done, total) for step, done, total in said if step == "copy delivery"]
    assert len(deliveries_told) > 1
    assert deliveries_told[-1][0] == deliveries_told[-1][1]
    there.close()
