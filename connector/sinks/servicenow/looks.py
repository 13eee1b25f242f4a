"""How what was written is found again: by key, by marker, by content, and every row checked again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from connector import wire
from connector.errors import Permanent
from connector.plugins import Do, Look, Receipt, Write
from connector.sinks.servicenow import fields as columns
from connector.sinks.servicenow.desk import KEY_FIELDS, Desk, checked_id, correlated, holds, marked, named, ours
from connector.sinks.servicenow.solving import Solver
from connector.sinks.servicenow.talk import Talk
from connector.wire import Effect, Seen, translated

_FILES = 1000


class Looks:
    """Look-ups at one desk."""

    def __init__(self, talk: Talk, desk: Desk, solver: Solver) -> None:
        self._talk = talk
        self._desk = desk
        self._solver = solver

    def find(self, write: Write, control: Write | None) -> Look:
        ways = {Do.CREATE: self._made, Do.COMMENT: self._said, Do.ATTACH: self._attached, Do.SOLVE: self._solved}
        look = ways.get(write.do, self._changed)
        with translated(self._talk.name, Effect.READ):
            self._talk.session.last = wire.Answer(0, None)
            found = look(write)
            date = self._talk.session.last.date
            proof = self._proves(look, control) if control is not None and not found else None
        return Look(tuple(found), date, proof)

    def _made(self, write: Write) -> list[Receipt]:
        key, table = write.key, self._desk.table
        wanted = (*columns.STATE_FIELDS, *KEY_FIELDS, *write.body)
        rows = self._talk.rows(table, correlated(key), wanted)
        date = self._talk.session.last
        mine = ours(rows, key)
        if not any(holds(row, "sys_id", key.uuid) for row in mine):
            record = self._talk.record(table, key.uuid, wanted)
            mine += [record] if record else []
        self._talk.session.last = date  # absence counts from the first of the two looks
        mine.sort(key=lambda row: (columns.plain(row.get("sys_created_on")), columns.plain(row.get("sys_id"))))
        return [self._desk.receipt(row, write.body) for row in mine]

    def _proves(self, look: Callable[[Write], list[Receipt]], control: Write) -> bool:
        """A record known to exist is found. One that is only found by a `sys_id` of ours proves nothing about those
        whose `sys_id` the instance chose."""
        if control.do is not Do.CREATE:
            return bool(look(control))
        rows = self._talk.rows(self._desk.table, correlated(control.key), ("sys_id", *KEY_FIELDS))
        return bool(ours(rows, control.key))

    def _changed(self, write: Write) -> list[Receipt]:
        body = self._desk.changes(write)
        record = self._talk.record(self._desk.table, write.remote_id, (*columns.STATE_FIELDS, *body))
        if record is None:
            return []
        receipt = self._desk.receipt(record, body)
        return [] if receipt.unkept else [receipt]

    def _solved(self, write: Write) -> list[Receipt]:
        table, record = self._solver.found(write.remote_id)
        if record is None or not self._solver.is_over(table, record):
            return []
        return [replace(self._desk, table=table).receipt(record, {})]

    def _said(self, write: Write) -> list[Receipt]:
        """By the journal's rows or, where their own access rules hide them, by the record's rendered journal."""
        marker, record_id = marked(write), checked_id(write.remote_id)
        query = f"element_id={record_id}^elementINcomments,work_notes^valueLIKE{write.key.marker}^ORDERBYsys_created_on"
        rows = self._talk.rows("sys_journal_field", query, ("sys_id", "element_id", "element", "value"))
        date = self._talk.session.last
        said = any(holds(row, "element_id", record_id) and marker in columns.plain(row.get("value")) for row in rows)
        if not said:
            resource = self._talk.resource(f"/table/{self._desk.table}")
            resource.parameters.add_custom({"sysparm_display_value": "true"})
            resource.parameters.fields = ["sys_id", "comments", "work_notes"]
            said = marker in self._shown_journals(resource, record_id)
        self._talk.session.last = date
        return [Receipt(write.key.marker)] if said else []

    def _shown_journals(self, resource: Any, record_id: str) -> str:
        try:
            resource.request("GET", path_append=f"/{record_id}")
        except Permanent as error:
            if error.code != Seen.GONE:
                raise
            return ""
        record = self._talk.session.part("result", dict)
        return "\n".join(columns.plain(record.get(name)) for name in ("comments", "work_notes"))

    def _attached(self, write: Write) -> list[Receipt]:
        record_id = checked_id(write.remote_id)
        asked = {"sysparm_query": f"table_sys_id={record_id}^ORDERBYsys_created_on", "sysparm_limit": str(_FILES)}
        self._talk.session.get("/api/now/attachment", params=asked)
        rows = [row for row in self._talk.session.part("result", list) if isinstance(row, dict) and row.get("sys_id")]
        return [file_receipt(row) for row in rows if holds(row, "table_sys_id", record_id) and _is_file(row, write)]


def file_receipt(row: Mapping[str, Any]) -> Receipt:
    return Receipt(named(row), created_at=columns.plain(row.get("sys_created_on")))


def _is_file(row: Mapping[str, Any], write: Write) -> bool:
    """Name and hash decide; a file that has no hash yet is compared by its size."""
    if not holds(row, "file_name", str(write.body["name"])):
        return False
    digest = columns.plain(row.get("hash"))
    return digest == write.body["sha256"] if digest else holds(row, "size_bytes", str(write.body["size"]))
