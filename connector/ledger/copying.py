"""Moving a ledger to another database: every row, proved to have arrived, while nobody writes here or there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, bindparam, func, insert, select, update
from sqlalchemy.exc import DataError, IntegrityError

from connector.delivery import State
from connector.errors import Busy
from connector.ledger.claims import advance_generation
from connector.ledger.database import Database, LedgerError
from connector.ledger.leases import is_dead
from connector.ledger.schema import blob, delivery, inbox, lease, metadata

# Rows of a batch; of those that may be large, only a few.
BATCH, HEAVY = 500, 8
_HEAVY = (blob, inbox)

Told = Callable[[str, int, int | None], None]


@dataclass(slots=True)
class Sum:
    """How many rows a table has, and a checksum that does not depend on their order."""

    rows: int = 0
    checksum: int = 0

    def add(self, row: Mapping[str, Any]) -> None:
        """One more row."""
        said = hashlib.sha256()
        for value in row.values():
            whole = value if isinstance(value, bytes) else _spelt(value)
            said.update(b"%d:" % len(whole) + whole)
        self.rows += 1
        self.checksum = (self.checksum + int.from_bytes(said.digest())) % (1 << 256)


def copy(source: Database, target: Database, now: float, told: Told) -> dict[str, int]:
    """Copy every table into an empty ledger and mark this one as moved; returns the rows of each table.

    Raises Busy while a run is under way, LedgerError where the target is not empty or a row does not arrive: then
    nothing has changed.
    """
    if source.engine.url == target.engine.url:
        raise LedgerError("this is the ledger itself", "name another database")
    with source.write() as here:
        _refuse_busy(here, now)
        with target.write() as there:
            _refuse_full(there)
            for connection in (here, there):
                _take_time(connection)
            rows = {table.name: _table(here, there, table, told) for table in metadata.sorted_tables}
            _finish(there)
        source.mark_moved(here, target.engine.url.render_as_string(hide_password=True))
    return rows


def _refuse_busy(here: Connection, now: float) -> None:
    flying = select(delivery.c.holder, delivery.c.lease_until).where(delivery.c.state == State.SENDING.value)
    held = select(lease.c.holder, lease.c.until).where(lease.c.holder != "")
    for holder, until in [*here.execute(flying), *here.execute(held)]:
        if until > now and not is_dead(holder or ""):
            raise Busy("a run is under way in this ledger", "stop it, or wait for its end; then copy again")


def _refuse_full(there: Connection) -> None:
    for table in metadata.sorted_tables:
        if there.execute(select(table).limit(1)).first() is not None:
            remedy = "name a database without tables, or a file that does not exist"
            raise LedgerError(f"the target is not empty: it has rows in {table.name}", remedy)


def _take_time(connection: Connection) -> None:
    """A long copy is no writer that hangs."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")


# ── one table ────────────────────────────────────────────────────────────────────────────────────────────────────


def _table(here: Connection, there: Connection, table: Table, told: Told) -> int:
    total = here.execute(select(func.count()).select_from(table)).scalar_one()
    sent = Sum()
    # What refers to rows of the same table is written once these are there.
    later = {key.parent.name: None for key in table.foreign_keys if key.column.table is table}
    try:
        for rows in _batches(here, table):
            for row in rows:
                sent.add(row)
            there.execute(insert(table), [{**row, **later} for row in rows])
            told(f"copy {table.name}", sent.rows, total)
        for rows in _batches(here, table) if later else ():
            _refer(there, table, later, rows)
    except (IntegrityError, DataError):
        what = f"the target does not take the rows of {table.name} up to number {sent.rows}"
        raise LedgerError(what, "nothing has changed; please report this") from None
    arrived = Sum()
    for rows in _batches(there, table):
        for row in rows:
            arrived.add(row)
    if arrived != sent or sent.rows != total:
        what = f"{table.name} did not arrive as it is here: {arrived.rows} of {total} rows"
        raise LedgerError(what, "nothing has changed; please report this")
    return total


def _refer(there: Connection, table: Table, names: Iterable[str], rows: Sequence[Mapping[str, Any]]) -> None:
    [key] = table.primary_key
    for name in names:
        known = [{"row": row[key.name], "to": row[name]} for row in rows if row[name] is not None]
        if known:
            refer = update(table).where(key == bindparam("row")).values({name: bindparam("to")})
            there.execute(refer, known)


def _batches(connection: Connection, table: Table) -> Iterator[list[dict[str, Any]]]:
    size = HEAVY if table in _HEAVY else BATCH
    found = connection.execute(select(table), execution_options={"yield_per": size})
    return ([dict(row) for row in rows] for rows in found.mappings().partitions())


def _spelt(value: Any) -> bytes:
    """PostgreSQL holds no NUL in its texts: there it is U+FFFD."""
    return repr(value.replace("\0", "\ufffd") if isinstance(value, str) else value).encode("utf-8", "backslashreplace")


# ── afterwards ───────────────────────────────────────────────────────────────────────────────────────────────────


def _finish(there: Connection) -> None:
    """New rows get new ids, and the copy is ahead of its original."""
    advance_generation(there)
    if there.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        if "id" in table.c and table.c.id.identity is not None:
            next_id = select(func.coalesce(func.max(table.c.id), 0) + 1).scalar_subquery()
            there.execute(select(func.setval(func.pg_get_serial_sequence(table.name, "id"), next_id, False)))
    there.exec_driver_sql("ANALYZE")
