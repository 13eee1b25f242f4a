"""Whose ledger, and whether it is the one that spoke last."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from connector.errors import SettingsError
from connector.ledger import deliveries, identity, leases
from connector.ledger.database import Database
from connector.ledger.identity import RestoredLedger
from tests.unit.ledger.rows import take, taken, ticket
from tests.unit.ledger.test_deliveries import claim, due, filled


@pytest.fixture
def copied(request: pytest.FixtureRequest, ledger_url: str, tmp_path: Path) -> Callable[[], str]:
    """Copies the ledger, to which nobody may be connected; returns the copy's URL."""
    if not ledger_url.startswith("sqlite"):
        return lambda: str(request.getfixturevalue("postgres").restored(ledger_url))

    def copy() -> str:
        shutil.copy(tmp_path / "ledger.db", tmp_path / "copy.db")
        return "sqlite:///copy.db"

    return copy


def test_the_site_is_taken_once_and_never_changes(db: Database) -> None:
    assert identity.claim_site(db, None, "other") == "north-test"
    assert identity.claim_site(db, "north-test", "other") == "north-test"
    with pytest.raises(SettingsError, match="belongs to"):
        identity.claim_site(db, "south", "other")


def test_every_claim_moves_the_generation(db: Database) -> None:
    filled(db, "one", "two")
    before = identity.generation(db)
    for row in due(db):
        claim(db, row)
    assert identity.generation(db) == before + 2


def test_a_restored_ledger_is_refused_until_somebody_says_so(
    db: Database, copied: Callable[[], str], tmp_path: Path
) -> None:
    filled(db, "one", comments=1)
    identity.stamp(db, tmp_path, "north-test", 900.0)
    identity.refuse_restored(db, tmp_path, "north-test")
    db.close()
    backup = copied()
    claim(db, due(db)[0])
    identity.stamp(db, tmp_path, "north-test", 2000.0)

    again = Database.open(backup, tmp_path)
    with pytest.raises(RestoredLedger, match="connector ledger restored"):
        identity.refuse_restored(again, tmp_path, "north-test")
    assert identity.accept_restored(again, tmp_path, "north-test", 3000.0) == 2
    identity.refuse_restored(again, tmp_path, "north-test")
    assert identity.accept_restored(again, tmp_path, "north-test", 3000.0) == 0
    # What was sent after the backup and is collected again may be there already; what is newer than the stamp is not.
    take(again, [taken(ticket("late"), "late.eml", at=1999.0)], now=3000.0)
    take(again, [taken(ticket("new"), "new.eml", at=2001.0)], now=3000.0)
    states = [(row.external_id, row.part) for row in deliveries.unsure(again, "servicenow", 3000.0, 10)]
    assert states == [("one", "ticket"), ("late", "ticket")]
    again.close()


def test_a_stamp_of_another_site_or_a_broken_one_says_nothing(db: Database, tmp_path: Path) -> None:
    identity.write_stamp(tmp_path, identity.Stamp("elsewhere", 99, 1.0))
    identity.refuse_restored(db, tmp_path, "north-test")
    (tmp_path / identity.STAMP_NAME).write_text("{not json")
    identity.refuse_restored(db, tmp_path, "north-test")


def test_a_lease_is_exclusive_and_fenced(db: Database) -> None:
    stranger = "other-host|b|n|1|2|x"
    first = leases.take(db, "collect:mail", stranger, 1000.0)
    assert first is not None
    assert leases.take(db, "collect:mail", leases.holder(), 1029.0) is None
    second = leases.take(db, "collect:mail", leases.holder(), 1031.0)
    assert second is not None
    assert second.fence == first.fence + 1
    leases.give_back(db, first)
    assert leases.take(db, "collect:mail", stranger, 1032.0) is None
    leases.give_back(db, second)
    assert leases.take(db, "collect:mail", stranger, 1032.0) is not None


def test_the_lease_of_a_dead_process_is_free_at_once(db: Database) -> None:
    host, boot, namespace, pid, start, word = leases.holder().split("|")
    dead = "|".join((host, boot, namespace, pid, str(int(start) + 1), word))
    assert leases.take(db, "collect:mail", dead, 1000.0) is not None
    assert leases.take(db, "collect:mail", leases.holder(), 1001.0) is not None
