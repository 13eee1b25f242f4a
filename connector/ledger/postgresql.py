"""PostgreSQL as the ledger's database: what makes it keep the promises that an SQLite file keeps by itself.

Writing transactions take one lock, as SQLite's do, so whatever reads and then writes cannot be overtaken, and ids
appear in the order of commits. A claim advances one counter for all anyway; the remote systems are far slower.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

# Of the driver, unless the URL says otherwise: a server that is gone is noticed within a minute.
_DRIVER: dict[str, Any] = {
    "application_name": "connector",
    "client_encoding": "utf8",
    "connect_timeout": 10,
    "keepalives_idle": 20,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}

# The lock counts per database. A writer that stops in the middle must not stop everybody for good, and a claim must
# outlast a crash of the server, which `synchronous_commit = off` does not promise.
_BEGIN = """\
SELECT set_config('lock_timeout', '30s', true),
       set_config('idle_in_transaction_session_timeout', '60s', true),
       set_config('synchronous_commit', replace(current_setting('synchronous_commit'), 'off', 'on'), true),
       pg_advisory_xact_lock(7161130726839251044)
"""


def engine(url: URL, pool: Mapping[str, Any]) -> Engine:
    """An engine whose transactions see one state of the database. Raises ImportError without the driver."""
    options = {name: value for name, value in _DRIVER.items() if name not in url.query}
    kept = {"pool_pre_ping": True, "isolation_level": "REPEATABLE READ", "hide_parameters": True}
    made = create_engine(url, connect_args=options, **kept, **pool)
    event.listen(made, "connect", _keep_all_text)
    event.listen(made, "begin", _begin)
    return made


def writing(made: Engine) -> Engine:
    """The same engine for transactions that write. READ COMMITTED sees what was committed before the lock was had."""
    return made.execution_options(connector_write=True, isolation_level="READ COMMITTED")


def encoding(made: Engine) -> str:
    """How the database spells text."""
    with made.connect() as connection:
        return str(connection.exec_driver_sql("SHOW server_encoding").scalar_one())


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get("connector_write"):
        connection.exec_driver_sql(_BEGIN)


def _keep_all_text(raw: Any, _record: Any) -> None:
    """PostgreSQL's text holds no NUL, and a remote may answer one: it becomes U+FFFD, as what cannot be read does."""
    from psycopg.types.string import StrDumperUnknown

    class Dumper(StrDumperUnknown):
        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", "\ufffd"))

    raw.adapters.register_dumper(str, Dumper)
