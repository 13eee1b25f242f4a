"""Small pieces of SQL that the ledger's modules share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Insert, Table, func, select, text
from sqlalchemy.dialects import postgresql, sqlite

from connector.errors import Finding
from connector.jsontext import dump as dump  # what the ledger keeps as JSON is spelt so

T = TypeVar("T")

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


def add_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows whose key is not there yet."""
    if rows:
        insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        connection.execute(insert(table).on_conflict_do_nothing(), list(rows))


def put(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows, each taking the place of one with the same primary key."""
    if not rows:
        return
    connection.execute(_putting(connection.dialect.name, table, tuple(rows[0])), list(rows))


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
