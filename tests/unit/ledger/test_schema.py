"""The migrations build the schema that the code uses, and unsafe places are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from connector.errors import SettingsError
from connector.ledger import database
from connector.ledger.database import Database, LedgerError, file_system
from connector.ledger.schema import metadata


def test_the_migrations_and_the_schema_agree(db: Database) -> None:
    with db.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_opening_twice_changes_nothing(db: Database, tmp_path: Path) -> None:
    before = (tmp_path / "ledger.db").stat().st_size
    Database.open("sqlite:///ledger.db", tmp_path).close()
    assert (tmp_path / "ledger.db").stat().st_size == before


def test_it_is_durable_and_shared(db: Database) -> None:
    with db.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_ledger_of_a_newer_release_is_refused(db: Database, tmp_path: Path) -> None:
    with db.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LedgerError, match="newer release"):
        Database.open("sqlite:///ledger.db", tmp_path)


def test_what_is_not_a_database_is_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("this is not a database, but it is long enough to look like one" * 20)
    with pytest.raises(LedgerError, match="cannot be opened"):
        Database.open("sqlite:///ledger.db", tmp_path)


def test_a_ledger_in_memory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="must be a file"):
        Database.open("sqlite://", tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="does not exist"):
        Database.open("sqlite:///nowhere/ledger.db", tmp_path)


def test_network_file_systems_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nserver:/share {tmp_path} nfs4 rw 0 0\n")
    assert file_system(tmp_path / "x.db", mounts) == "nfs4"
    assert file_system(Path("/etc/passwd"), mounts) == "ext4"
    monkeypatch.setattr(database, "file_system", lambda path: "nfs4")
    with pytest.raises(LedgerError, match="network file system"):
        Database.open("sqlite:///x.db", tmp_path)
