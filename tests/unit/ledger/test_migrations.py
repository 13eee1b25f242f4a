"""A ledger of every release becomes one of today with all that it held; a migration that fails leaves it as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.util import pyfiles
from sqlalchemy import Engine, MetaData, create_engine, insert, select

from connector.ledger import claims, database, deliveries, unseen, views
from connector.ledger.database import Database
from connector.ledger.schema import metadata, remote
from tests.postgres import Server
from tests.unit.ledger.released import AT, RELEASED, SITE, STATES, build

# Nothing hangs on these: a budget is worth a minute's waiting, and the schema's number is to change.
REPLACED = ("budget", "alembic_version")
Rows = dict[str, list[dict[str, Any]]]
# What a record is that nothing happened to.
NOTHING: dict[str, Any] = {"status": "new", "updated_at": AT, "reassigned": 0, "reopened": 0, "replies": 0}
NOTHING |= dict.fromkeys(("stamp", "assignee", "grp", "problem", "resolution"), "")


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where there is no ledger yet."""
    if request.param == "sqlite":
        yield "sqlite:///old.db"
        return
    server: Server = request.getfixturevalue("postgres")
    url = server.empty()
    yield url
    server.drop(url)


def engine_of(place: str, base: Path) -> Engine:
    return create_engine(database._resolved(place, base))


def contents(place: str, base: Path) -> Rows:
    """Every row of every table that there is, whatever the schema."""
    engine = engine_of(place, base)
    there = MetaData()
    with engine.connect() as connection:
        there.reflect(connection)
        found = {
            table.name: sorted((dict(row) for row in connection.execute(select(table)).mappings()), key=repr)
            for table in there.sorted_tables
        }
    engine.dispose()
    return found


@pytest.mark.parametrize("revision", RELEASED)
def test_everything_is_still_there(revision: str, place: str, tmp_path: Path) -> None:
    build(place, tmp_path, revision)
    before = contents(place, tmp_path)
    Database.open(place, tmp_path).close()
    after = contents(place, tmp_path)
    for name, rows in before.items():
        if name not in REPLACED:
            columns = set(rows[0])
            assert sorted(({key: row[key] for key in rows[0]} for row in after[name]), key=repr) == rows, columns
    assert len(before["delivery"]) == len(STATES) + 1


@pytest.mark.parametrize("revision", RELEASED)
def test_it_has_todays_schema_and_is_understood(revision: str, place: str, tmp_path: Path) -> None:
    build(place, tmp_path, revision)
    with_today = Database.open(place, tmp_path)
    with with_today.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    assert views.status(with_today, {"button": "button"}, ["servicenow"])["sinks"]["servicenow"]["sent"] == 1
    assert len(deliveries.unplanned(with_today, ["servicenow"], 100)) == 2
    assert claims.lose_expired(with_today, AT + 1000) == 1
    assert {row.external_id for row in deliveries.unsure(with_today, "servicenow", AT + 1000, 9)} == {"t4", "t5"}
    assert views.story(with_today, 7)["sinks"]["servicenow"]["number"] == "INC0010007"
    assert unseen.overdue(with_today, "servicenow", AT + 1, 9) == ["f" * 32]
    assert SITE in str(contents(place, tmp_path)["meta"])
    with_today.close()


@pytest.mark.parametrize(("seen", "waits"), [("f" * 32, []), ("merged", [("servicenow", 7, 0.0)])])
def test_what_is_still_to_be_read_of_the_help_desk(
    seen: str, waits: list[tuple[object, ...]], place: str, tmp_path: Path
) -> None:
    build(place, tmp_path, "0001")
    engine = database._engine(database._resolved(place, tmp_path), create=True)
    database.migrate(engine, "0006")
    with database._writing(engine).begin() as connection:
        connection.execute(insert(remote), [{**NOTHING, "ticket_id": 7, "sink": "servicenow", "remote_id": seen}])
    engine.dispose()
    Database.open(place, tmp_path).close()
    assert [tuple(row.values()) for row in contents(place, tmp_path)["unseen"]] == waits


@pytest.mark.parametrize("revision", RELEASED)
def test_a_migration_that_fails_leaves_the_old_schema(
    revision: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(place, tmp_path, revision)
    before = contents(place, tmp_path)
    head = str(database._script().get_current_head())

    def upgrade() -> None:
        op.drop_table("delivery")
        raise RuntimeError("no room")

    def load(name: str, path: Path) -> Any:
        loaded = found(name, path)
        if getattr(loaded, "revision", "") == head:
            loaded.upgrade = upgrade
        return loaded

    found = pyfiles.load_module_py
    monkeypatch.setattr(pyfiles, "load_module_py", load)
    with pytest.raises(RuntimeError, match="no room"):
        Database.open(place, tmp_path)
    monkeypatch.undo()
    assert contents(place, tmp_path) == before
    Database.open(place, tmp_path).close()
    assert len(contents(place, tmp_path)["delivery"]) == len(STATES) + 1
