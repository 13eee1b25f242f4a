"""Resolving a record as its state model has it: one step at a time, each read back (ServiceNow docs, Incident and
Problem Management). What is resolved or closed stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connector.errors import Permanent
from connector.plugins import Write
from connector.sinks.servicenow import fields as columns
from connector.sinks.servicenow.desk import Call, checked_id
from connector.sinks.servicenow.settings import Solving
from connector.sinks.servicenow.talk import Talk
from connector.wire import Seen

_NEXT: Mapping[str, Mapping[str, str]] = {
    "incident": {},  # every state leads to the last one
    "problem": {"101": "102", "102": "103", "103": "104", "104": "106"},
}
_LAST = {"incident": "6", "problem": "106"}
_OVER = {table: columns.RESOLVED[table] | columns.CLOSED[table] for table in _LAST}
_SHOWN: Mapping[str, tuple[str, ...]] = {
    "incident": ("close_code", "close_notes"),
    "problem": ("assigned_to", "opened_by", "cause_notes", "fix_notes", "close_notes", "resolution_code"),
}
_ACCEPTED = "risk_accepted"

Row = dict[str, Any]


class Solver:
    """Brings records of these tables to resolved. `user` gives the sys_id that a login stands for, "" for none."""

    def __init__(self, talk: Talk, solving: Solving, tables: Sequence[str], user: Callable[[str], str]) -> None:
        self._talk = talk
        self._solving = solving
        self._tables = tables
        self._user = user

    def solve(self, write: Write) -> tuple[str, Row]:
        """The table and the record as it is afterwards. Raises RemoteError."""
        table, record = self.found(write.remote_id)
        if record is None:
            raise Permanent(f"{self._talk.name} has no such record, or hides it from this account", code=Seen.GONE)
        for _ in range(len(_NEXT[table]) + 1):
            state = columns.plain(record.get("state"))
            if state in _OVER[table]:
                return table, record
            record = self._step(table, record, _NEXT[table].get(state, _LAST[table]), write)
        return table, record

    def found(self, remote_id: str) -> tuple[str, Row | None]:
        """The record, in whichever table it is."""
        for table in self._tables:
            record = self._talk.record(table, remote_id, (*columns.STATE_FIELDS, *_SHOWN[table]))
            if record is not None:
                return table, record
        return self._tables[0], None

    def is_over(self, table: str, record: Row) -> bool:
        """Is it resolved or closed?"""
        return columns.plain(record.get("state")) in _OVER[table]

    def _step(self, table: str, record: Row, state: str, write: Write) -> Row:
        values = {"state": state, **self._needed(table, record, state, write.body)}
        shown = (*columns.STATE_FIELDS, *_SHOWN[table])
        path = f"/table/{table}/{checked_id(write.remote_id)}"
        after: Row = self._talk.send(Call("PATCH", path, values, shown))
        if columns.plain(after.get("state")) != state:
            kept = columns.plain(after.get("state"))
            what = f"its state stayed {kept} where {state} comes next"
            raise Permanent(what, "see which fields its form wants, fill them in there, then release it", code="stayed")
        return after

    def _needed(self, table: str, record: Row, state: str, body: Mapping[str, Any]) -> dict[str, str]:
        """What the record lacks of what this state asks for; what people wrote there stays."""
        wanted = self._of_incident(body) if table == "incident" else self._of_problem(record, state, body)
        return {name: value for name, value in wanted.items() if value and not columns.plain(record.get(name))}

    def _of_incident(self, body: Mapping[str, Any]) -> dict[str, str]:
        code = str(body.get("code") or (self._solving.declined if body.get("declined") else self._solving.code))
        return {"close_code": code, "close_notes": _notes(body)}

    def _of_problem(self, record: Row, state: str, body: Mapping[str, Any]) -> dict[str, str]:
        notes = _notes(body)
        if state == "102":
            return {"assigned_to": self._user(self._solving.assignee or "") or columns.plain(record.get("opened_by"))}
        if state == "104":
            return {"cause_notes": notes, "fix_notes": notes}
        if state != "106":
            return {}
        code = str(body.get("code") or (_ACCEPTED if body.get("declined") else self._solving.problem_code))
        close = {"close_notes": notes} if code != self._solving.problem_code else {}
        other = str(body.get("duplicate_of") or "")  # asked for by the code `duplicate`
        return {"resolution_code": code, "cause_notes": notes, "fix_notes": notes, "duplicate_of": other, **close}


def _notes(body: Mapping[str, Any]) -> str:
    return columns.journal(columns.plain(body.get("notes"))) or "Resolved."
