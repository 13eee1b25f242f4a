"""Whose ledger this is, and whether it is the one that spoke last.

The generation counts what left. A stamp beside the settings repeats it outside the ledger, so a ledger restored from
a backup is recognised: its stamp is ahead of it.
"""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select, update

from connector.delivery import Move, State
from connector.errors import ConnectorError, Finding, SettingsError
from connector.ledger.claims import advance_generation
from connector.ledger.database import Database, LedgerError
from connector.ledger.moves import Step, move_each
from connector.ledger.rows import add_missing, put
from connector.ledger.schema import delivery, meta, reading
from connector.plugins import Do

STAMP_NAME = ".connector-stamp"


class RestoredLedger(ConnectorError):
    """The ledger is older than what it has sent."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the file outside the ledger says: this site's ledger had sent so much, at that time."""

    site: str
    generation: int
    at: float


def claim_site(db: Database, wanted: str | None, minted: str) -> str:
    """The ledger's site. A new ledger takes the settings' site or `minted`; raises SettingsError on a mismatch."""
    with db.write() as connection:
        facts = _facts(connection)
        if "site" not in facts:
            start = [{"name": "site", "value": wanted or minted}, {"name": "generation", "value": "0"}]
            add_missing(connection, meta, start)
            return wanted or minted
    if wanted and wanted != facts["site"]:
        what = f"the settings say site {wanted!r}, but the ledger belongs to {facts['site']!r}"
        raise SettingsError([Finding("other-site", "site", what, "use that site's ledger, or correct `site:`")])
    return facts["site"]


def site_of(db: Database) -> str | None:
    """The ledger's site, or None while it has none."""
    with db.read() as connection:
        return _facts(connection).get("site")


def generation(db: Database) -> int:
    """How often something was about to leave."""
    with db.read() as connection:
        return int(connection.execute(_GENERATION).scalar() or 0)


_GENERATION = select(meta.c.value).where(meta.c.name == "generation")


def read_stamp(base: Path) -> Stamp | None:
    """The stamp beside the settings, or None where there is none that can be read."""
    try:
        said = json.loads((base / STAMP_NAME).read_text("utf-8"))
        return Stamp(str(said["site"]), int(said["generation"]), float(said["at"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_stamp(base: Path, stamp: Stamp) -> None:
    """Replace the stamp. Losing one is harmless: a stamp that is behind says nothing. Raises LedgerError."""
    path = base / STAMP_NAME
    fresh = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_native_id()}")
    try:
        fresh.write_text(json.dumps({"site": stamp.site, "generation": stamp.generation, "at": stamp.at}), "utf-8")
        fresh.replace(path)
    except OSError as error:
        what = f"{path.name} cannot be written beside the settings: {error.strerror}"
        raise LedgerError(what, "let connector write to the folder of the settings, and see to its disk") from None


def stamp(db: Database, base: Path, site: str, now: float) -> None:
    """Repeat the ledger's generation outside of it, before anything leaves."""
    last, own = read_stamp(base), generation(db)
    if last is None or last.site != site or last.generation <= own:  # another process may be ahead of us by now
        write_stamp(base, Stamp(site, own, now))


def refuse_restored(db: Database, base: Path, site: str) -> None:
    """Raises RestoredLedger where the stamp of this site is ahead of the ledger."""
    last = read_stamp(base)
    if last is not None and last.site == site and last.generation > generation(db):
        raise RestoredLedger(
            "this ledger was restored from a backup: more has been sent than it knows of",
            "run: connector ledger restored, so that everything is looked up before it is sent again",
        )


def accept_restored(db: Database, base: Path, site: str, now: float) -> int:
    """Make everything unsure that a lost ledger may have sent; returns how many deliveries that are now unsure.

    So do, when they are taken in, all records that a source hands over until it has been read to its end once, and
    after that those from before the stamp's time.
    """
    last = read_stamp(base)
    if last is None or last.site != site or last.generation <= generation(db):
        return 0
    unsent = select(delivery.c.id, delivery.c.ticket_id, delivery.c.state).where(
        delivery.c.state.in_([State.QUEUED.value, State.BLOCKED.value]),
        delivery.c.do.in_([Do.CREATE.value, Do.COMMENT.value, Do.ATTACH.value, Do.NOTIFY.value]),
    )
    with db.write() as connection:
        note = "the ledger was restored; this may have been sent"
        rows = connection.execute(unsent).all()
        blocked = [row for row in rows if row.state == State.BLOCKED.value]
        move_each(connection, [Step(row.id, row.ticket_id, State.BLOCKED, Move.RELEASED, note) for row in blocked], now)
        due = {"due_at": now}
        steps = [Step(row.id, row.ticket_id, State.QUEUED, Move.RESTORED, note, due) for row in rows]
        done = move_each(connection, steps, now)
        connection.execute(update(reading).values(end_at=None))
        facts = [
            {"name": "restored_until", "value": repr(last.at)},
            {"name": "generation", "value": str(last.generation + 1)},
        ]
        put(connection, meta, facts)
    return len(done)


def mark_backup(db: Database) -> None:
    """From now on this ledger is ahead of the backup just taken."""
    with db.write() as connection:
        advance_generation(connection)


def _facts(connection: Connection) -> dict[str, str]:
    return {row.name: row.value for row in connection.execute(select(meta.c.name, meta.c.value))}
