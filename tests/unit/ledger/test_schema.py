"""The migrations build the schema that the code uses, and unsafe places are refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import NullPool, create_engine, inspect, make_url, text

from connector.errors import SettingsError
from connector.ledger import database, postgresql
from connector.ledger.claims import advance_generation
from connector.ledger.database import Database, LedgerError, file_system
from connector.ledger.schema import metadata
from tests.postgres import Server


def test_the_migrations_and_the_schema_agree(db: Database) -> None:
    with db.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_opening_twice_changes_nothing(db: Database, ledger_url: str, tmp_path: Path) -> None:
    before = facts(db)
    Database.open(ledger_url, tmp_path).close()
    assert facts(db) == before


def facts(db: Database) -> list[tuple[str, ...]]:
    with db.read() as connection:
        rows = connection.execute(
            text("SELECT name, value FROM meta UNION ALL SELECT '', version_num FROM alembic_version")
        )
        return sorted(tuple(row) for row in rows)


def test_what_is_committed_outlasts_a_crash(db: Database) -> None:
    with db.write() as connection:
        if db.is_sqlite:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        else:  # whatever the server's own settings say; the tests' server says off
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"


def test_a_reader_sees_one_state_and_nobody_waits_for_it(db: Database) -> None:
    value = text("SELECT value FROM meta WHERE name = 'generation'")
    with db.read() as reading:
        before = reading.execute(value).scalar()
        with db.write() as writing:
            advance_generation(writing)
        assert reading.execute(value).scalar() == before


def test_a_ledger_of_a_newer_release_is_refused(db: Database, ledger_url: str, tmp_path: Path) -> None:
    with db.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LedgerError, match="newer release"):
        Database.open(ledger_url, tmp_path)
    with pytest.raises(LedgerError, match="another release"):
        Database.look_at(ledger_url, tmp_path)


def test_what_is_not_a_database_is_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("this is not a database, but it is long enough to look like one" * 20)
    with pytest.raises(LedgerError, match="cannot be opened"):
        Database.open("sqlite:///ledger.db", tmp_path)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x.db?mode=memory&uri=true"])
def test_a_ledger_in_memory_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="must be a file"):
        Database.open(url, tmp_path)


def test_a_port_that_is_no_number_is_a_finding(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="not a database URL"):
        Database.open("postgresql+psycopg://u@127.0.0.1:abc/x", tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="does not exist"):
        Database.open("sqlite:///nowhere/ledger.db", tmp_path)
    with pytest.raises(LedgerError, match="does not exist"):
        Database.look_at("sqlite:///nowhere/ledger.db", tmp_path)


def test_network_file_systems_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nserver:/share {tmp_path} nfs4 rw 0 0\n")
    assert file_system(tmp_path / "x.db", mounts) == "nfs4"
    assert file_system(Path("/etc/passwd"), mounts) == "ext4"
    monkeypatch.setattr(database, "file_system", lambda path: "nfs4")
    with pytest.raises(LedgerError, match="network file system"):
        Database.open("sqlite:///x.db", tmp_path)


# ── PostgreSQL alone ──


def test_looking_at_a_database_without_a_ledger_makes_none(postgres: Server) -> None:
    url = postgres.empty()
    looked = Database.look_at(url)
    assert looked.is_sqlite
    assert (looked.address, looked.stands_in) == (make_url(url).render_as_string(hide_password=True), True)
    looked.close()
    with create_engine(url, poolclass=NullPool).connect() as connection:
        assert inspect(connection).get_table_names() == []
    postgres.drop(url)


def test_a_database_that_cannot_hold_every_text_is_refused(postgres: Server) -> None:
    url = postgres.empty("ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(LedgerError, match="encoded in LATIN1") as refused:
        Database.open(url)
    assert "createdb --encoding=UTF8" in refused.value.remedy
    postgres.drop(url)


def test_a_missing_driver_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(LedgerError, match="driver is not installed") as refused:
        Database.open("postgresql+psycopg://nobody@localhost/ledger")
    assert refused.value.remedy == 'pip install "connector[postgres]"'


def test_a_server_that_is_not_there_is_named_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be opened") as refused:
        Database.open(f"postgresql+psycopg://nobody@/ledger?host={tmp_path}")
    assert "PGPASSWORD" in refused.value.remedy
    assert "\n" not in refused.value.what


def test_a_server_that_goes_away_is_no_bug(postgres: Server, postgres_url: str) -> None:
    db = Database.open(postgres_url)
    with pytest.raises(LedgerError, match="does not answer"), db.write() as connection:
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    with db.write() as connection:  # the next one has a connection of its own again
        assert connection.execute(text("SELECT 1")).scalar() == 1
    db.close()


def test_a_writer_that_never_ends_is_named(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "_BEGIN", postgresql._BEGIN.replace("'30s'", "'20ms'"))
    db, other = Database.open(postgres_url), Database.open(postgres_url)
    with db.write(), pytest.raises(LedgerError, match="lock timeout"), other.write():
        pass
    db.close()
    other.close()
