"""Opening the ledger: SQLite by default, PostgreSQL by URL; transactions; migrations; refusal of what is unsafe."""

from __future__ import annotations

import os
import random
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, insert, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoneFree
from sqlalchemy.pool import StaticPool

from connector.clock import SystemClock
from connector.errors import ConnectorError, Finding, SettingsError
from connector.ledger import postgresql
from connector.ledger.schema import meta, metadata
from connector.silence import silence

BUSY_SECONDS = 30
# Every sink may have 32 threads. They write one at a time and read for milliseconds, so they share these connections;
# the one used last goes first, because each that is used keeps pages in memory.
_POOL: dict[str, Any] = {"pool_size": 8, "max_overflow": 8, "pool_timeout": BUSY_SECONDS, "pool_use_lifo": True}
# `statfs` types on which SQLite's locks cannot be trusted.
NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "glusterfs", "ceph"}
)


class LedgerError(ConnectorError):
    """The ledger cannot be opened, read or written."""

    exit_code = 2


# The fact that says where a ledger went; SQLite's file header repeats that there is one.
_MOVED_TO = "moved_to"


class MovedLedger(LedgerError):
    """This ledger was copied to another database, which counts from then on."""


class Database:
    """A ledger that is open. `write()` and `read()` are transactions; nothing else touches the database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._writer = _writing(engine)
        self._turn = threading.Lock()
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._asked = engine.url

    @classmethod
    def open(cls, url: str, base: Path = Path("."), *, create: bool = True) -> Database:
        """Open the ledger, bringing its schema up to date. Raises SettingsError or LedgerError."""
        engine = _engine(_resolved(url, base), create)
        try:
            _refuse_encoding(engine)
            migrate(engine)
            return cls._unmoved(engine)
        except DBAPIError as error:
            engine.dispose()
            raise _unopened(engine, error) from None
        except BaseException:
            engine.dispose()
            raise

    @classmethod
    def _unmoved(cls, engine: Engine) -> Database:
        opened = cls(engine)
        with opened.read() as connection:
            opened._refuse_moved(connection)
        return opened

    @classmethod
    def look_at(cls, url: str, base: Path = Path(".")) -> Database:
        """Open the ledger without making or upgrading one; where there is none, an empty one that is thrown away."""
        place = _resolved(url, base)
        if place.get_backend_name() == "sqlite" and not Path(str(place.database)).exists():
            _refuse_place(Path(str(place.database)))
            return cls._empty(place)
        engine = _engine(place, create=False)
        try:
            revision = _revision(engine)
        except DBAPIError as error:
            engine.dispose()
            raise _unopened(engine, error) from None
        if revision == _script().get_current_head():
            return cls._unmoved(engine)
        engine.dispose()
        if revision is None and place.get_backend_name() != "sqlite":
            return cls._empty(place)
        raise LedgerError("the ledger has another release's schema", "run: connector sync, which upgrades it")

    @classmethod
    def in_memory(cls) -> Database:
        """An empty ledger of one thread, for what is only tried: nothing of it reaches a disk."""
        engine = create_engine("sqlite://", poolclass=StaticPool, hide_parameters=True)
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
        metadata.create_all(engine)
        return cls(_quiet(engine))

    @classmethod
    def _empty(cls, place: URL) -> Database:
        scratch = tempfile.TemporaryDirectory(prefix="connector-")
        empty = cls.open("sqlite:///scratch.db", Path(scratch.name))
        empty._scratch, empty._asked = scratch, place
        return empty

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """The one transaction that may write now; commits at the end, rolls back on any exception.

        Raises LedgerError where the database does not answer, or another writer never ends, MovedLedger where the
        ledger lies elsewhere by now.
        """
        # Threads take turns here: SQLite's own way of waiting for a lock is to sleep and try again, and on PostgreSQL
        # each would wait on a connection of its own.
        with self._turn, _answering(), self._writer.begin() as connection:
            self._refuse_moved(connection)
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One transaction that sees one state of the ledger. Raises LedgerError where the database does not answer."""
        with _answering(), self.engine.begin() as connection:
            yield connection

    def mark_moved(self, connection: Connection, to: str) -> None:
        """From this commit on nobody writes here, nor opens it; the ledger is at `to`, an address without password."""
        connection.execute(insert(meta), [{"name": _MOVED_TO, "value": to}])
        if self.is_sqlite:
            connection.exec_driver_sql("PRAGMA user_version = 1")

    def _refuse_moved(self, connection: Connection) -> None:
        if self.is_sqlite and not _user_version(connection):
            return
        found = connection.execute(select(meta.c.value).where(meta.c.name == _MOVED_TO)).scalar()
        if found is not None:
            remedy = f'write ledger: "{found}" in the settings, and start again what still runs'
            raise MovedLedger(f"this ledger was moved to {found}", remedy)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @property
    def address(self) -> str:
        """Where the ledger lies, or will lie, without the password."""
        return self._asked.render_as_string(hide_password=True)

    @property
    def stands_in(self) -> bool:
        """Is there no ledger yet, and this an empty one that is thrown away?"""
        return self._scratch is not None

    @property
    def file(self) -> Path | None:
        """The SQLite file, or None."""
        name = self.engine.url.database
        return Path(name) if self.is_sqlite and name else None

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()
        if self._scratch is not None:
            self._scratch.cleanup()

    def __repr__(self) -> str:
        return f"Database({self.engine.url.render_as_string(hide_password=True)})"


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise _silent(_first_line(error)) from None
    except NoneFree:
        raise _silent("no connection became free") from None


def _user_version(connection: Connection) -> int:
    """Of an SQLite file: a number in its header, read in microseconds."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)  # noqa: S101 - the engine's own
    return int(raw.execute("PRAGMA user_version").fetchone()[0])


def _silent(why: str) -> LedgerError:
    return LedgerError(f"the ledger does not answer: {why}", "nothing is lost; run again when the database answers")


def _unopened(engine: Engine, error: DBAPIError) -> LedgerError:
    remedy = "check `ledger:` in the settings, the folder's rights and the disk"
    if engine.dialect.name != "sqlite":
        remedy = "check `ledger:` in the settings, the server, and the password in PGPASSWORD or ~/.pgpass"
    return LedgerError(f"the ledger cannot be opened: {_first_line(error)}", remedy)


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().partition("\n")[0]


def _resolved(url: str, base: Path) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise _bad_url("not a database URL", "write sqlite:///connector.db or postgresql+psycopg://…") from None
    if parsed.get_backend_name() == "sqlite":
        # SQLite's own URIs may name a database that lives in memory.
        if not parsed.database or parsed.database.startswith((":memory:", "file:")) or parsed.query:
            raise _bad_url("the ledger is the only memory and must be a file", "sqlite:///connector.db")
        return parsed.set(database=str((base / parsed.database).resolve()))
    return parsed


def _bad_url(what: str, remedy: str) -> SettingsError:
    return SettingsError([Finding("bad-ledger", "ledger", what, remedy)])


def _engine(url: URL, create: bool) -> Engine:
    if url.get_backend_name() != "sqlite":
        try:
            return _quiet(postgresql.engine(url, _POOL))
        except ImportError:
            raise LedgerError("PostgreSQL's driver is not installed", 'pip install "connector[postgres]"') from None
    path = Path(str(url.database))
    _refuse_place(path)
    if not create and not path.exists():
        raise LedgerError(f"there is no ledger at {path.name}", "run: connector sync")
    # An error that is shown must not say what was to be written.
    options = {"timeout": BUSY_SECONDS, "check_same_thread": False}
    engine = create_engine(url, connect_args=options, hide_parameters=True, **_POOL)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return _quiet(engine)


def _quiet(engine: Engine) -> Engine:
    silence("sqlalchemy", "psycopg")  # at debug level they log rows
    return engine


def _writing(engine: Engine) -> Engine:
    if engine.dialect.name == "sqlite":
        return engine.execution_options(connector_write=True)
    return postgresql.writing(engine)


def _prepare(raw: sqlite3.Connection, _record: Any) -> None:
    raw.isolation_level = None  # transactions are begun by `_begin`, never by the driver
    _write_ahead(raw)
    # Every commit is on the disk, in the log. How often the log is copied into the file is up to us: in 16 MB of it
    # most pages stand more than once.
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "cache_size=-4000", "wal_autocheckpoint=4000"):
        raw.execute(f"PRAGMA {pragma}")


def _write_ahead(raw: sqlite3.Connection) -> None:
    """Turn the file to WAL. Where others do so at the same moment, SQLite itself does not wait for them."""
    clock = SystemClock()
    end = clock.monotonic() + BUSY_SECONDS
    while True:
        try:
            raw.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or clock.monotonic() > end:
                raw.close()
                raise
        clock.sleep(random.uniform(0.005, 0.05))  # noqa: S311 - so that they do not meet again


def _begin(connection: Connection) -> None:
    # IMMEDIATE takes the write lock first: a transaction that reads, then writes, cannot fail half-way.
    write = connection.get_execution_options().get("connector_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _refuse_encoding(engine: Engine) -> None:
    if engine.dialect.name != "sqlite" and (found := postgresql.encoding(engine)) != "UTF8":
        raise LedgerError(
            f"the ledger's database is encoded in {found} and cannot hold every text",
            "make one that can: createdb --encoding=UTF8 --template=template0 NAME",
        )


def _refuse_place(path: Path) -> None:
    kind = file_system(path)
    if kind in NETWORK_FILE_SYSTEMS:
        raise LedgerError(
            f"the ledger {path.name} lies on a network file system ({kind}), where SQLite's locks do not hold",
            "put it on a local disk, or use PostgreSQL: ledger: postgresql+psycopg://…",
        )
    if not path.parent.is_dir():
        raise LedgerError(f"the ledger's folder {path.parent} does not exist", "create it, or correct `ledger:`")


def file_system(path: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """The type of the file system that holds `path`, or "" where the machine does not tell."""
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    target = os.path.realpath(path)
    best, kind = "", ""
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        mount = fields[1].replace("\\040", " ")
        inside = target == mount or target.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, fields[2]
    return kind


# ── migrations ───────────────────────────────────────────────────────────────────────────────────────────────────


def _alembic(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", "connector:ledger/migrations")
    config.attributes["connection"] = connection
    return config


def migrate(engine: Engine, to: str = "head") -> None:
    """Bring the schema to revision `to`. A ledger written by a newer release is refused."""
    now, script = _revision(engine), _script()
    if now == script.get_current_head() and to == "head":
        return
    if now is not None and now not in {revision.revision for revision in script.walk_revisions()}:
        raise LedgerError("the ledger was written by a newer release", "upgrade connector, or restore an older backup")
    with _writing(engine).begin() as connection:  # another first start waits here, then finds nothing left to do
        command.upgrade(_alembic(connection), to)


def _script() -> ScriptDirectory:
    return ScriptDirectory.from_config(_alembic())


def _revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()
