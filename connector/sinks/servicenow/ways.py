"""The two ways in which a new record is made: by the Table API, or by an import set, which keeps times of old.

An import set's transform map writes the record (ServiceNow docs, Import Set API): it finds an earlier copy by our key
where that is its coalesce field, and may leave the platform's own rules and time stamps alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from connector import wire
from connector.errors import RemoteError
from connector.plugins import Write
from connector.sinks.servicenow import fields as columns
from connector.sinks.servicenow.desk import Call, Desk, checked_table, holds, keyed, named
from connector.sinks.servicenow.dialect import DIALECT, detail
from connector.sinks.servicenow.talk import Talk
from connector.wire import Effect, Seen
from connector.wire.errors import status

_UNDONE = frozenset({"error", "ignored", "skipped"})  # where no record is named along with it
_STATES = _UNDONE | {"inserted", "updated"}


class Way(Protocol):
    """How records are made."""

    learns: str
    """What the first record teaches, by the name under which it is remembered."""
    extra: int
    """Requests that a call costs besides itself."""

    def call(self, desk: Desk, write: Write, shown: tuple[str, ...]) -> Call:
        """The call that makes the record. Raises Permanent."""

    def records(self, desk: Desk, results: Sequence[Any], shown: tuple[str, ...]) -> Sequence[Any]:
        """The records that calls came to, each given as its `result`; where there is none, what that means, as a
        RemoteError."""


class Live:
    """The Table API answers with the record itself."""

    learns = "client_sys_id"
    extra = 0

    def call(self, desk: Desk, write: Write, shown: tuple[str, ...]) -> Call:
        return desk.creation(write, shown)

    def records(self, desk: Desk, results: Sequence[Any], shown: tuple[str, ...]) -> Sequence[Any]:
        return results


class Import:
    """The Import Set API answers with what the transform did; the record is read afterwards."""

    learns = "import_sys_id"
    extra = 1

    def __init__(self, talk: Talk, staging: str) -> None:
        self._talk = talk
        self._staging = staging

    def call(self, desk: Desk, write: Write, shown: tuple[str, ...]) -> Call:
        row = {**write.body, **keyed(write.key)}
        body = {staged(name): columns.plain(value) for name, value in row.items()}
        return Call("POST", f"/import/{checked_table(self._staging)}", body)

    def records(self, desk: Desk, results: Sequence[Any], shown: tuple[str, ...]) -> Sequence[Any]:
        made = [imported(self._talk.name, desk.table, result) for result in results]
        names = [record["sys_id"] for record in made if isinstance(record, dict)]
        try:
            kept = self._talk.named(desk.table, names, shown)
        except RemoteError:
            kept = {}  # they are made, whether they can be read back or not
        return [kept.get(record["sys_id"], record) if isinstance(record, dict) else record for record in made]


def staged(column: str) -> str:
    """The staging table's column for one of the target's: the platform puts `u_` in front of what a site adds."""
    return column if column.startswith(("u_", "x_")) else f"u_{column}"


def imported(name: str, table: str, result: Any) -> dict[str, str] | RemoteError:
    """What the transform did with one row: the record's `sys_id` and `number`, or the error. 201 alone says nothing."""
    rows = [row for row in result if isinstance(row, dict)] if isinstance(result, list) else []
    ours = [row for row in rows if holds(row, "table", table)]
    for row in ours:
        if row.get("status") in _STATES - {"error"} and columns.is_sys_id(columns.plain(row.get("sys_id"))):
            number = columns.plain(row.get("display_value")) if row.get("display_name") == "number" else ""
            return {"sys_id": named(row), "number": number}
    if not rows or any(row.get("status") not in _UNDONE for row in rows):
        return wire.verdict(Seen.GARBLED, Effect.WRITE, name)
    told = " ".join(str(row.get(field) or "") for row in rows for field in ("status_message", "error_message"))
    # The texts are those of the Table API, which sends them with this status.
    return wire.verdict(status(403, told, False, DIALECT), Effect.WRITE, name, detail=detail(told) or "its transform")
