"""The emulated instance: its settings, its rows, and how they change."""

from __future__ import annotations

import calendar
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from connector.sandbox.clock import Clock, plain
from connector.sandbox.servicenow import slas
from connector.sandbox.servicenow.auth import Account, Doorman
from connector.sandbox.servicenow.errors import FAILED, denied, refusal
from connector.sandbox.servicenow.query import Reader
from connector.sandbox.servicenow.rules import after, before
from connector.sandbox.servicenow.schema import ADMIN_TABLES, SYSTEM_TABLES, Column, Table, build
from connector.sandbox.servicenow.seed import STAGING, describe, fill
from connector.sandbox.servicenow.values import Choices, keep, text
from connector.sandbox.servicenow.view import View

Row = dict[str, str]

_STAMPS = ("sys_created_on", "sys_created_by", "sys_updated_on", "sys_updated_by")


@dataclass
class Settings:
    """What differs between real instances; may be changed while the sandbox runs."""

    honours_sys_id: bool = True  # a hardened instance drops the client's sys_id
    allow_unknown_choices: bool = False  # glide.rest.choice.allow_non_existing_value
    invalid_query_returns_no_rows: bool = False  # glide.invalid_query.returns_no_rows
    closed_locked: bool = True  # only administrators close incidents and change closed ones
    resolution_mandatory: bool = True  # a data policy wants code and notes to resolve
    refuses_moves: bool = False  # the problem state model aborts a move that it does not know; else the old state stays
    service_levels: dict[str, float] = field(default_factory=dict)  # by name, the seconds that incidents have
    max_body: int = 10_485_760  # bytes of a JSON body: glide.rest.max_content_length
    max_attachment: int = 1024 * 1024 * 1024  # bytes: com.glide.attachment.max_size
    rate_limit: int | None = None  # requests an hour; None: no rule exists
    threads: int | None = None  # calls worked on at a time (the platform: 4 of API_INT); None: any number
    queue: int = 50  # calls that may wait for a thread; one more gets a bare 429
    work: float = 0.0  # seconds of real time that each record written costs, while its call holds a thread
    batch_item_seconds: float = 0.0  # what one batch item costs of the batch's 30 seconds, without taking real time
    batch_charged: bool = False  # the items of a batch count against the rate rule, each as one more
    staging: dict[str, str] = field(default_factory=lambda: dict(STAGING))  # staging table: the table it feeds
    coalesce: str = "correlation_id"  # by which the transform finds the record again, ignoring case
    denied: set[tuple[str, str]] = field(default_factory=set)  # (table, "read"|"insert"|"update"|"delete")
    hidden: set[str] = field(default_factory=set)  # sys_ids that ACLs hide


class Instance(Settings):
    """State of the emulated instance. `tables` may be read and written by tests that hold the sandbox's lock."""

    def __init__(self, clock: Clock, lock: threading.RLock, seed: int = 0, **settings: Any) -> None:
        super().__init__(**settings)
        self._settings = settings
        self._seed = seed
        self.clock = clock
        self.lock = lock
        self._start()

    def _start(self) -> None:
        self.chance = random.Random(f"servicenow {self._seed}")  # noqa: S311 - a game, not a secret
        self.tables: dict[str, Table] = build()
        self.reader = Reader(self.tables)
        self.choices = Choices(self)
        self.view = View(self)
        self.doorman = Doorman(self.clock, self.tables["sys_user"])
        self._taken: int | None = None
        self.files: dict[str, bytes] = {}
        self.staged: dict[tuple[str, str], dict[str, Any]] = {}  # outcomes of imports, by staging table and sys_id
        self._numbers = {"incident": 10000, "problem": 40000}
        fill(self.tables)

    def reset(self) -> None:
        """Everything as at the start, settings included."""
        with self.lock:
            fresh = Settings(**self._settings)
            for one in fields(fresh):
                setattr(self, one.name, getattr(fresh, one.name))
            self._start()

    # -- for tests and the page

    def rows(self, table: str, **equal: str) -> list[Row]:
        """Copies of the rows whose columns equal the values given, oldest first."""
        with self.lock:
            rows = self.tables[table].rows.values()
            return [dict(row) for row in rows if all(row[name] == value for name, value in equal.items())]

    def add_column(self, table: str, name: str, kind: str = "string", reference: str = "") -> None:
        """A custom column, known to sys_dictionary too."""
        with self.lock:
            self.tables[table].add_column(Column(name, kind, reference, table=table))
            describe(self.tables)

    def document(self) -> dict[str, Any]:
        """The interesting part of the state, JSON-ready."""
        names = ("incident", "problem", "sys_journal_field", "sys_attachment", "sys_audit_delete")
        with self.lock:
            return {name: [dict(row) for row in self.tables[name].rows.values()] for name in names}

    # -- time

    def moment(self) -> int:
        """Seconds since the epoch, as this instance stamps what is written now."""
        return int(self.clock.now() if self._taken is None else self._taken)

    def stamp(self) -> str:
        """The same as a raw datetime."""
        return plain(self.moment())

    def commit_later(self, seconds: float, write: Callable[[], object]) -> None:
        """A long transaction: what it writes carries the time of now and is there for others `seconds` later."""
        begun = self.moment()

        def commit() -> None:
            self._taken = begun
            try:
                write()
            finally:
                self._taken = None

        self.clock.later(seconds, commit)

    # -- writing

    def _guard(self, table: str, operation: str, account: Account) -> None:
        """Nobody writes the platform's own tables; only administrators write people and groups."""
        protected = table in SYSTEM_TABLES or (table in ADMIN_TABLES and not account.admin)
        if protected or (table, operation) in self.denied:
            raise denied(operation.capitalize())

    def insert(
        self, table: str, values: dict[str, Any], account: Account, display: bool = False, own_stamps: bool = False
    ) -> Row:
        """Create a row as the platform does; with `own_stamps` when and by whom is what the values say, unless the
        instance is hardened. Raises `Refusal`."""
        self._guard(table, "insert", account)
        known, now = self.tables[table], self.stamp()
        row = dict(known.defaults)
        row["sys_id"] = self._chosen_id(values) or f"{self.chance.getrandbits(128):032x}"
        row.update(
            {
                "sys_created_on": now,
                "sys_created_by": account.login,
                "sys_updated_on": now,
                "sys_updated_by": account.login,
            }
        )
        if own_stamps and self.honours_sys_id:
            row.update({name: text(values[name]) for name in _STAMPS if values.get(name)})
        entries = keep(self, table, row, values, display)
        if table in self._numbers:
            self._open_task(table, row, account, now)
        before(self, table, None, row, account)
        if row["sys_id"] in known.rows:
            raise refusal(403, FAILED, f"Error during insert of {table} ({row.get('number') or row['sys_id']})")
        known.put(row)
        self._append(table, row, entries, account)
        after(self, table, None, row, account)
        self._measure(table, None, row)
        return row

    def _chosen_id(self, values: dict[str, Any]) -> str:
        return text(values.get("sys_id", ""))[:32] if self.honours_sys_id else ""

    def _open_task(self, table: str, row: Row, account: Account, now: str) -> None:
        if not row["number"]:
            self._numbers[table] += 1
            row["number"] = ("INC" if table == "incident" else "PRB") + f"{self._numbers[table]:07d}"
        row.update(sys_class_name=table, task_effective_number=row["number"])
        row["opened_at"] = row["opened_at"] or now
        row["opened_by"] = row["opened_by"] or account.sys_id

    def update(self, table: str, row: Row, values: dict[str, Any], account: Account, display: bool = False) -> Row:
        """Change a row on a client's behalf. Raises `Refusal`."""
        self._guard(table, "update", account)
        return self.write(table, row, values, account, display)

    def write(self, table: str, old: Row, values: dict[str, Any], account: Account, display: bool = False) -> Row:
        """Change a row, rules included. Raises `Refusal`."""
        row = dict(old)
        row["sys_updated_on"] = self.stamp()
        entries = keep(self, table, row, values, display)
        before(self, table, old, row, account)
        if entries or any(row[name] != old[name] for name in row if name != "sys_updated_on"):
            row["sys_updated_by"] = account.login
            row["sys_mod_count"] = str(int(old["sys_mod_count"] or "0") + 1)
        else:
            row["sys_updated_on"] = old["sys_updated_on"]
        self.tables[table].put(row)
        self._append(table, row, entries, account)
        after(self, table, old, row, account)
        self._measure(table, old, row)
        return row

    def _measure(self, table: str, old: Row | None, row: Row) -> None:
        if table == "incident":
            slas.follow(self, old, row)

    def delete(self, table: str, row: Row, account: Account) -> None:
        """Delete a row and note it in sys_audit_delete. Raises `Refusal`."""
        self._guard(table, "delete", account)
        self.tables[table].remove(row["sys_id"])
        audit = self.tables["sys_audit_delete"]
        now = self.stamp()
        stamps = {
            "sys_created_on": now,
            "sys_created_by": account.login,
            "sys_updated_on": now,
            "sys_updated_by": account.login,
        }
        sys_id = f"{self.chance.getrandbits(128):032x}"
        what = {"tablename": table, "documentkey": row["sys_id"], "display_value": row.get("number", "")}
        audit.put({**audit.defaults, **stamps, **what, "sys_id": sys_id})

    def _append(self, table: str, row: Row, entries: dict[str, str], account: Account) -> None:
        journal = self.tables["sys_journal_field"]
        for element, value in entries.items():
            entry = {
                "sys_id": f"{self.chance.getrandbits(128):032x}",
                "sys_created_on": row["sys_updated_on"],
                "value": value,
            }
            entry |= {"sys_created_by": account.login, "name": table, "element_id": row["sys_id"], "element": element}
            journal.put({**journal.defaults, **entry})

    def journal(self, sys_id: str) -> list[Row]:
        """A record's journal entries, oldest first."""
        return self.tables["sys_journal_field"].where("element_id", sys_id) or []

    @staticmethod
    def clock_seconds(moment: str) -> int:
        """Seconds since the epoch of a raw datetime; 0 where it is none."""
        try:
            return calendar.timegm(time.strptime(moment, "%Y-%m-%d %H:%M:%S"))
        except ValueError:
            return 0
