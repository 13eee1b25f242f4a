"""Small pieces of SQL that the ledger's modules share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache, lru_cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Insert, Table, Update, func, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite

from connector.errors import Finding
from connector.jsontext import dump as dump  # what the ledger keeps as JSON is spelt so

T = TypeVar("T")
Rows = Sequence[Mapping[str, Any]]
_SQLITE = sqlite.dialect()

# SQLite takes 32,766 variables in a statement; a page stays far below.
SLICE = 400


def slices(items: Sequence[T], size: int = SLICE) -> Iterator[Sequence[T]]:
    """The items in runs of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def new_ids(connection: Connection, table: Table, count: int) -> list[int]:
    """`count` unused ids of `table`, to be used in this transaction, in ascending order."""
    if not count:
        return []
    if connection.dialect.name == "sqlite":  # the write lock is held
        last = connection.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one()
        return list(range(last + 1, last + 1 + count))
    sequence = text("SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :count)")
    return [row[0] for row in connection.execute(sequence, {"name": table.name, "count": count})]


def add(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert the rows."""
    if rows:
        each(connection, _adding(table), rows)


def add_missing(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert the rows whose key is not there yet."""
    if rows:
        each(connection, _adding_missing(connection.dialect.name, table), rows)


def put(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert the rows, each taking the place of one with the same primary key."""
    if rows:
        each(connection, _putting(connection.dialect.name, table, tuple(rows[0])), rows)


def each(connection: Connection, statement: Insert | Update, rows: Rows) -> int:
    """Carry out a statement that is kept for each of the rows, which all have the same names; returns how many rows of
    the table that changed."""
    if connection.dialect.name != "sqlite":
        return connection.execute(statement, list(rows)).rowcount
    # SQLAlchemy works out anew for each row what goes where, which takes as long as SQLite takes to write it.
    spelt, order, fixed = _spelt(statement, tuple(rows[0]))
    whole = ({**fixed, **row} for row in rows)
    return connection.exec_driver_sql(spelt, [tuple([row[name] for name in order]) for row in whole]).rowcount


@lru_cache(maxsize=256)
def _spelt(statement: Insert | Update, names: tuple[str, ...]) -> tuple[str, Sequence[str], Mapping[str, Any]]:
    """The statement as SQLite reads it, the order of what it is given, and what of that is the same for every row."""
    compiled = statement.compile(dialect=_SQLITE, column_keys=names)
    order = compiled.positiontup or ()
    return str(compiled), order, {name: compiled.params[name] for name in order if name not in names}


@cache
def _adding(table: Table) -> Insert:
    return insert(table)


@cache
def _adding_missing(dialect: str, table: Table) -> Insert:
    statement = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    return statement.on_conflict_do_nothing()


@cache
def _putting(dialect: str, table: Table, columns: tuple[str, ...]) -> Insert:
    """Kept, because to build it takes longer than to carry it out."""
    statement = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    keys = [column.name for column in table.primary_key]
    given = {name: statement.excluded[name] for name in columns if name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=given)


def told(finding: Finding) -> str:
    """A finding as the ledger keeps it."""
    return dump(asdict(finding))


def unique(items: Iterable[T]) -> list[T]:
    """The items without repetitions, in order."""
    return list(dict.fromkeys(items))
