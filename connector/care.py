"""Looking after the ledger: backups, restoring, space, and moving it to another database."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import text

from connector import config
from connector.engine.wiring import Progress, Wiring
from connector.ledger import identity
from connector.ledger.copying import copy
from connector.ledger.database import Database, LedgerError


def _copied(file: Path, target: Path) -> None:
    """Copy the database through a file beside the target. Raises LedgerError where that cannot be written."""
    fresh = target.with_name(target.name + ".part")
    try:
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(fresh)) as copied:
            source.backup(copied)
        os.replace(fresh, target)
    except (sqlite3.OperationalError, OSError) as error:
        with suppress(OSError):
            fresh.unlink()
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise LedgerError(f"{target} cannot be written: {why}", "name a file in a folder with room for it") from error


class LedgerCare:
    """What a person may do to the database as a whole."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    def backup(self, target: Path) -> None:
        """A consistent copy, taken while others work. From then on the ledger is ahead of the copy."""
        db = self._wiring.db
        if db.file is None:
            raise LedgerError("only an SQLite ledger is copied by this command", "use pg_dump")
        if target.exists():
            raise LedgerError(f"{target} exists already", "name a file that does not exist")
        _copied(db.file, target)
        identity.mark_backup(db)
        self._stamp(db)

    def restored(self) -> int:
        """Make everything unsure that the lost ledger may have sent; returns how many deliveries."""
        wiring = self._wiring
        return identity.accept_restored(wiring.db, wiring.base, wiring.site, wiring.clock.wall())

    def copy(self, url: str, told: Progress | None = None) -> dict[str, Any]:
        """Move the ledger to the database at `url`, which must be empty; this one is refused from then on.

        Returns the address to write in the settings and how many rows each table has. Raises SettingsError, Busy,
        LedgerError, RestoredLedger; nothing has changed then.
        """
        wiring = self._wiring
        config.refuse_ledger(url)
        identity.refuse_restored(wiring.db, wiring.base, wiring.site)
        target = Database.open(url, wiring.base)
        try:
            rows = copy(wiring.db, target, wiring.clock.wall(), told or wiring.progress)
            self._stamp(target)
        finally:
            target.close()
        return {"ledger": url, "rows": rows}

    def vacuum(self) -> None:
        """Give space back to the disk."""
        db = self._wiring.db
        if db.file is not None:  # outside the engine, whose connections begin transactions of their own
            with closing(sqlite3.connect(db.file, isolation_level=None)) as own:
                own.execute("VACUUM")
            return
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM"))

    def _stamp(self, db: Database) -> None:
        identity.stamp(db, self._wiring.base, self._wiring.site, self._wiring.clock.wall())
