"""The request budgets of remote accounts: a row for each class of requests, shared by every process."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from sqlalchemy import Connection, delete, select

from connector.ledger.database import Database
from connector.ledger.rows import dump, put
from connector.ledger.schema import budget
from connector.pacing import Budget

Told = TypeVar("Told")
Budgets = Mapping[str, Budget]

_FIELDS = [column for column in budget.c if column.name != "account"]


def look(db: Database, account: str, names: Collection[str], now: float) -> dict[str, Budget]:
    """The budgets that there are; writes nothing, unless the clock was set back."""
    with db.read() as connection:
        rows = _rows(connection, account, names)
    if all(row.at(now) is row for row in rows.values()):
        return rows
    return change(db, account, names, now, lambda budgets: (dict(budgets), {}))


def change(
    db: Database, account: str, names: Collection[str], now: float, decide: Callable[[Budgets], tuple[Told, Budgets]]
) -> Told:
    """Let `decide` see these budgets, as nobody else changes them, and write those that it gives back.

    What was written before the clock was set back is written again by the new time.
    """
    with db.write() as connection:
        kept = _rows(connection, account, names)
        rows = {name: row.at(now) for name, row in kept.items()}
        told, changed = decide(rows)
        mended = {name: row for name, row in rows.items() if row is not kept[name]}
        put(connection, budget, [_values(account, name, row, now) for name, row in {**mended, **changed}.items()])
    return told


def sweep(db: Database, account: str, now: float) -> None:
    """Forget the classes of single records that have nothing left to say."""
    single = budget.c.name.like("%/%")
    over = (budget.c.tat < now, budget.c.held_until < now)
    with db.write() as connection:
        connection.execute(delete(budget).where(budget.c.account == account, single, *over))


def _rows(connection: Connection, account: str, names: Collection[str]) -> dict[str, Budget]:
    wanted = select(*_FIELDS).where(budget.c.account == account, budget.c.name.in_(names))
    return {name: _budget(values) for name, *values in connection.execute(wanted)}


_NAMES = [column.name for column in _FIELDS[1:]]


def _budget(values: list[Any]) -> Budget:
    given = dict(zip(_NAMES, values, strict=True))
    return Budget(**{**given, "uses": tuple(json.loads(given["uses"])) if given["uses"] else ()})


def _values(account: str, name: str, row: Budget, now: float) -> dict[str, Any]:
    uses = dump(row.uses) if row.uses else ""
    return {**asdict(row), "account": account, "name": name, "uses": uses, "written_at": now}
