"""What happened is told from the first time on, in order, each once, whatever commits when."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from sqlalchemy import insert, select

from connector.errors import Busy
from connector.ledger import leases, telling
from connector.ledger.database import Database
from connector.ledger.happenings import Happening, happened
from connector.ledger.leases import Lease
from connector.ledger.schema import delivery, thread, ticket
from connector.ledger.telling import Batch, Queued

NOW = 1_790_000_000.0


@pytest.fixture
def held(db: Database) -> Lease:
    own = {"source": "mail", "version": 1, "fingerprint": "x", "body": "{}", "sink": "desk", "grp": ""}
    with db.write() as connection:
        for number in (1, 2):
            row = {**own, "id": number, "external_id": f"t{number}", "created_at": NOW, "updated_at": NOW}
            connection.execute(insert(ticket), [row])
    telling.begin(db)
    lease = leases.take(db, "answer", "me", NOW)
    assert lease is not None
    return lease


def happen(db: Database, what: str, ticket_id: int = 1) -> None:
    with db.write() as connection:
        happened(connection, [Happening(ticket_id, what, NOW, detail={"number": "INC1"})])


def tell_all(batch: Batch) -> Sequence[Queued]:
    return [
        Queued(each.occasion.ticket_id, 1, "answers:mail", f"notice:{each.occasion.what}", {}, [("mail", "m@x")])
        for each in batch.each
    ]


def parts(db: Database) -> list[str]:
    with db.read() as connection:
        return list(connection.execute(select(delivery.c.part).order_by(delivery.c.id)).scalars())


def test_what_happened_before_anybody_was_told_is_no_news(db: Database, held: Lease) -> None:
    happen(db, "received")
    telling.begin(db)  # again: nothing is skipped
    assert telling.take(db, held, 10, NOW, tell_all) == (1, 1)


def test_messages_and_how_far_is_told_are_one_commit(db: Database, held: Lease) -> None:
    for what in ("received", "resolved", "closed"):
        happen(db, what)

    def fails(batch: Batch) -> Sequence[Queued]:
        raise KeyError

    with pytest.raises(KeyError):
        telling.take(db, held, 2, NOW, fails)
    assert telling.take(db, held, 2, NOW, tell_all) == (2, 2)
    assert telling.take(db, held, 2, NOW, tell_all) == (1, 1)
    assert telling.take(db, held, 2, NOW, tell_all) == (0, 0)
    assert parts(db) == ["notice:received", "notice:resolved", "notice:closed"]
    with db.read() as connection:
        assert connection.execute(select(thread.c.ref, thread.c.ticket_id)).all() == [("m@x", 1)]


def test_who_lost_the_lease_tells_nobody(db: Database, held: Lease) -> None:
    happen(db, "received")
    assert leases.take(db, "answer", "another", NOW + 60) is not None
    with pytest.raises(Busy):
        telling.take(db, held, 10, NOW + 60, tell_all)
    assert parts(db) == []


def test_what_commits_late_is_not_passed_over(db: Database, held: Lease) -> None:
    """PostgreSQL gives ids out before commits: one below ours may still be on its way."""
    if db.is_sqlite:
        pytest.skip("SQLite has one writer")
    found: list[tuple[int, int]] = []
    taking = threading.Thread(target=lambda: found.append(telling.take(db, held, 10, NOW, tell_all)))
    with db.engine.connect() as slow, slow.begin():
        happened(slow, [Happening(1, "received", NOW)])
        happen(db, "resolved", 2)
        taking.start()
        taking.join(0.3)
        assert found == []
    taking.join(10)
    assert found == [(2, 2)]


def test_the_secret_of_the_survey_is_made_once(db: Database) -> None:
    assert telling.survey_secret(db) == telling.survey_secret(db)
    assert len(telling.survey_secret(db)) == 32
