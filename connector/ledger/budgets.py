"""The request budgets of remote accounts: a row for each class of requests, shared by every process."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from sqlalchemy import Connection, bindparam, delete, select

from connector.ledger.database import Database
from connector.ledger.rows import dump, put
from connector.ledger.schema import budget
from connector.pacing import Budget

Told = TypeVar("Told")
Budgets = Mapping[str, Budget]


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


_NAMES = [column.name for column in budget.c if column.name != "account"]
_WANTED = select(*(budget.c[name] for name in _NAMES)).where(
    budget.c.account == bindparam("account"), budget.c.name.in_(bindparam("names", expanding=True))
)


def _rows(connection: Connection, account: str, names: Collection[str]) -> dict[str, Budget]:
    rows = connection.execute(_WANTED, {"account": account, "names": list(names)})
    return {row.name: _budget(row) for row in rows}


def _budget(row: Any) -> Budget:
    uses = tuple(json.loads(row.uses)) if row.uses else ()
    return Budget(row.tat, row.held_until, row.allowed, row.seconds, row.heard_at, uses, row.written_at)


def _values(account: str, name: str, row: Budget, now: float) -> dict[str, Any]:
    return {
        "account": account,
        "name": name,
        "tat": row.tat,
        "held_until": row.held_until,
        "allowed": row.allowed,
        "seconds": row.seconds,
        "heard_at": row.heard_at,
        "uses": dump(row.uses) if row.uses else "",
        "written_at": now,
    }
