"""Does a ticket cost more when the ledger is full? 500,000 tickets in it against 5,000."""

from __future__ import annotations

import shutil
import sqlite3
import statistics
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from bench import inbox, ours
from bench.remote import Remote

FEW, TIMES = 5_000, 100
FRESH = 1_000
ROUNDS = 7

# What the n-th copy of a row has in the columns that name something or tell a time. Names sort by copy, so that the
# copies are appended to most indexes; each copy is a day older than the one before.
_TICKET, _REMOTE = "ticket_id + :n * :few", "printf('%08x', :n) || substr(remote_id, 9)"
_COPIED: Mapping[str, Mapping[str, str | None]] = {
    "ticket": {
        "id": "id + :n * :few",
        "external_id": ":n || '-' || external_id",
        "created_at": "created_at - :n * 86400",
        "updated_at": "updated_at - :n * 86400",
    },
    "record": {"place": ":n || '-' || place", "ticket_id": _TICKET, "at": "at - :n * 86400"},
    "delivery": {
        "id": "id + :n * :few",
        "ticket_id": _TICKET,
        "remote_id": _REMOTE,
        "created_at": "created_at - :n * 86400",
        "sent_at": "sent_at - :n * 86400",
    },
    "link": {"ticket_id": _TICKET, "remote_id": _REMOTE, "linked_at": "linked_at - :n * 86400"},
    "remote": {"ticket_id": _TICKET, "remote_id": _REMOTE, "updated_at": "updated_at - :n * 86400"},
    "measure": {"ticket_id": _TICKET, "reported_at": "reported_at - :n * 86400"},
    "event": {
        "id": None,
        "ticket_id": _TICKET,
        "delivery_id": "delivery_id + :n * :few",
        "at": "at - :n * 86400",
    },
}


def ledger_row(folder: Path) -> dict[str, float]:
    """CPU a ticket with 500,000 tickets in the ledger, beside 5,000; the median of seven pairs."""
    with Remote({}) as remote:
        few = ours.install(folder / "few", "servicenow", remote.url)
        inbox.lines(few.parent / "inbox" / "old.ndjson", FEW)
        ours.sync(few)
        shutil.copytree(few.parent, folder / "many")
        many = folder / "many" / few.name
        multiply(many.parent / "connector.db", TIMES)
        ratios = []
        for number in range(ROUNDS):
            first = 1_000_000 + 2 * number * FRESH
            ratios.append(_spent(many, first) / _spent(few, first + FRESH))
    return {"times as much": statistics.median(ratios)}


def multiply(ledger: Path, times: int) -> None:
    """Make every ticket of a ledger, and all that belongs to it, so many tickets."""
    with closing(sqlite3.connect(ledger, isolation_level=None)) as db:
        for pragma in ("synchronous = OFF", "cache_size = -400000"):
            db.execute(f"PRAGMA {pragma}")
        for table, changed in _COPIED.items():
            db.execute("BEGIN")
            _copy(db, table, changed, times)
            db.execute("COMMIT")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _copy(db: sqlite3.Connection, table: str, changed: Mapping[str, str | None], times: int) -> None:
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    given = {name: changed.get(name, name) for name in columns}
    kept = {name: said for name, said in given.items() if said is not None}
    # What is read must not grow by what is written.
    db.execute(f"CREATE TEMP TABLE original AS SELECT * FROM {table}")
    copy = f"INSERT INTO {table} ({', '.join(kept)}) SELECT {', '.join(kept.values())} FROM original"
    for number in range(1, times):
        db.execute(copy, {"n": number, "few": FEW})
    db.execute("DROP TABLE temp.original")


def _spent(settings: Path, first: int) -> float:
    """CPU seconds for so many new tickets, by a process of its own."""
    inbox.lines(settings.parent / "inbox" / f"{first}.ndjson", FRESH, first)
    code = f"from pathlib import Path; from bench import ours; print(ours.sync(Path({str(settings)!r}))[1].cpu)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)
