"""What each write is on the wire, and what the record that comes back says of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.errors import Permanent
from connector.plugins import Do, Key, Receipt, Write
from connector.sinks.servicenow import fields as columns
from connector.wire import Seen

DISPLAY = "connector"  # in `correlation_display`: whose key it is
RAW = {"sysparm_display_value": "false", "sysparm_exclude_reference_link": "true"}
KEY_FIELDS = ("correlation_id", "correlation_display")

_TABLE = re.compile(r"[A-Za-z0-9_]{1,80}")


@dataclass(frozen=True, slots=True)
class Call:
    """One request that writes, below `/api/now`. Its answer shows the columns in `shown`; all, where that is empty."""

    method: str
    path: str
    body: Mapping[str, Any]
    shown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Desk:
    """Where records are written: the instance's address, the table, and the column that names a record's parent."""

    address: str
    table: str
    parent: str

    def creation(self, write: Write, shown: tuple[str, ...]) -> Call:
        """The record with the `sys_id` that we choose, and with our key."""
        body = {**write.body, "sys_id": write.key.uuid, **keyed(write.key)}
        return Call("POST", f"/table/{checked_table(self.table)}", body, shown)

    def change(self, write: Write) -> Call | None:
        """The change of a record, None where there is nothing to change. Raises Permanent."""
        body = self.changes(write)
        if not body:
            return None
        shown = tuple(dict.fromkeys((*columns.STATE_FIELDS, *body)))
        return Call("PATCH", f"/table/{checked_table(self.table)}/{checked_id(write.remote_id)}", body, shown)

    def changes(self, write: Write) -> dict[str, Any]:
        """The columns that an update, a comment or a link sets."""
        if write.do is Do.LINK:
            problem = columns.plain(write.body.get("problem"))
            return {self.parent: checked_id(problem) if problem else ""}
        if write.do is Do.COMMENT:
            column = "comments" if write.body.get("public", True) else "work_notes"
            text = f"{columns.journal(columns.plain(write.body.get('text')))}\n\n{marked(write)}"
            return {column: text, **columns.changes({"reopen": write.body.get("reopen")}, self.table)}
        return columns.changes(write.body, self.table)

    def receipt(
        self,
        record: Mapping[str, Any],
        sent: Mapping[str, Any],
        names: Iterable[str] = (),
        learned: Mapping[str, str] | None = None,
    ) -> Receipt:
        """What the record says, of the columns in `names` or, where none are given, of those sent. Raises ValueError
        where it is no record."""
        sys_id = named(record)
        kept = columns.echo(record, names or sent)
        return Receipt(
            sys_id,
            columns.plain(record.get("number")),
            f"{self.address}/{self.table}.do?sys_id={sys_id}",
            kept,
            columns.unkept(sent, kept),
            columns.plain(record.get("sys_created_on")),
            learned or {},
        )


def keyed(key: Key) -> dict[str, str]:
    """The columns that carry our key."""
    return {"correlation_id": key.remote, "correlation_display": DISPLAY}


def correlated(key: Key) -> str:
    """The query for what carries the key, oldest first."""
    return f"correlation_id={key.remote}^correlation_display={DISPLAY}^ORDERBYsys_created_on"


def carries(row: Mapping[str, Any], key: Key) -> bool:
    return holds(row, "correlation_id", key.remote) and holds(row, "correlation_display", DISPLAY)


def ours(rows: Sequence[Mapping[str, Any]], key: Key) -> list[Mapping[str, Any]]:
    """The records among the rows that carry the key."""
    return [row for row in rows if carries(row, key) and columns.is_sys_id(columns.plain(row.get("sys_id")))]


def holds(row: Mapping[str, Any], column: str, value: str) -> bool:
    return columns.plain(row.get(column)) == value


def marked(write: Write) -> str:
    """The last line of a comment, by which it is found again."""
    return f"[{DISPLAY} {write.key.marker}]"


def named(record: Any) -> str:
    """The name of a record that the remote showed. Raises ValueError where it shows none."""
    sys_id = columns.plain(record.get("sys_id")) if isinstance(record, Mapping) else ""
    if not columns.is_sys_id(sys_id):
        raise ValueError("no sys_id")
    return sys_id


def checked_id(sys_id: str) -> str:
    """The sys_id, if it is one. Raises Permanent."""
    if not columns.is_sys_id(sys_id):
        raise Permanent("this is not the sys_id of a record", "see connector explain", code="bad-id")
    return sys_id


def checked_table(name: str) -> str:
    """The table's name, if it is one. Raises Permanent."""
    if not _TABLE.fullmatch(name):
        raise Permanent("this is not the name of a table", "correct the mapping's table", code=str(Seen.NO_API))
    return name
