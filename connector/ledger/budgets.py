"""One request budget per remote account: GCRA in a row that every process shares."""

from __future__ import annotations

from sqlalchemy import select

from connector.ledger.database import Database
from connector.ledger.rows import put
from connector.ledger.schema import budget

# A row further ahead than this was written before the clock was set back.
FARTHEST = 4000.0


def reserve(db: Database, account: str, now: float, interval: float, burst: int) -> float:
    """Take a slot and return 0.0, or return the seconds until one may be free; `interval` 0 means no rate."""
    if interval == 0:
        with db.read() as connection:
            whole = select(budget.c.held_until).where(budget.c.account == account, budget.c.name == "")
            held = connection.execute(whole).scalar() or 0.0
        return _ahead(held, now)
    with db.write() as connection:
        row = connection.execute(select(budget).where(budget.c.account == account, budget.c.name == "")).first()
        held, arrival = (row.held_until, row.tat) if row is not None else (0.0, 0.0)
        if (wait := _ahead(held, now)) > 0:
            return wait
        arrival = max(now, arrival if _ahead(arrival, now) else 0.0)
        if (wait := arrival - (burst - 1) * interval - now) > 0:
            return wait
        put(connection, budget, [{"account": account, "name": "", "tat": arrival + interval, "held_until": held}])
    return 0.0


def hold(db: Database, account: str, until: float) -> None:
    """Nobody sends before `until`."""
    with db.write() as connection:
        row = connection.execute(select(budget).where(budget.c.account == account, budget.c.name == "")).first()
        arrival, held = (row.tat, row.held_until) if row is not None else (0.0, 0.0)
        put(connection, budget, [{"account": account, "name": "", "tat": arrival, "held_until": max(held, until)}])


def _ahead(moment: float, now: float) -> float:
    wait = moment - now
    return wait if 0 < wait < FARTHEST else 0.0
