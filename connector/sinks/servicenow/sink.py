"""ServiceNow: incidents and problems through the Table API, with pysnow doing the talking.

A create carries a `sys_id` that we chose (so that the primary key refuses a second copy, where the instance honours
it) and our key in `correlation_id`. A comment carries a marker in its last line, a file its name and hash.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel

from connector import wire
from connector.errors import Finding, Permanent, RemoteError
from connector.plugins import (
    Can,
    Do,
    FieldSpec,
    Key,
    Look,
    Receipt,
    Remote,
    Resolved,
    SinkTools,
    Write,
)
from connector.sinks.accounts import MARGIN
from connector.sinks.inspecting import settling_finding
from connector.sinks.servicenow import fields as columns
from connector.sinks.servicenow.body import Body
from connector.sinks.servicenow.check import Inspection
from connector.sinks.servicenow.people import Directory
from connector.sinks.servicenow.settings import SETTLE_AFTER, Settings
from connector.sinks.servicenow.talk import Talk, checked_id
from connector.wire import Effect, Seen, translated

DISPLAY = "connector"  # in `correlation_display`: whose key it is
_FILES = 1000


class ServiceNow:
    """Writes incidents or problems, whichever `table` says. May be used from several threads."""

    settings: ClassVar[type[BaseModel]] = Settings
    can: ClassVar[Can] = Can.FIND | Can.COMMENT | Can.ATTACH

    def __init__(self, name: str, settings: Settings, tools: SinkTools) -> None:
        self.name = name
        self.table = "incident"
        self.settle_after = settings.settle_after
        self.call_seconds = settings.timeout + MARGIN
        self.planned: Mapping[str, frozenset[str]] = {}
        self._settings = settings
        self._tools = tools
        self._talk = Talk(name, settings, tools)
        self._honoured = tools.memory.get("client_sys_id", "")
        self._directory = Directory(self._talk.rows, tools.clock)

    def __repr__(self) -> str:
        return f"ServiceNow({self.name!r}, {self._settings.url!r})"

    # ── what the engine asks ─────────────────────────────────────────────────────────────────────────────────────

    def fields(self) -> Sequence[FieldSpec]:
        """The columns of incident and problem as delivered, and any `u_*` or `x_*`."""
        return columns.FIELDS

    def check(self) -> Sequence[Finding]:
        """Ask the instance about credential, rights, columns, choices, groups and clock; writes nothing.

        Set `planned` first to the columns that a mapping writes, each with the literal values that it may send.
        """
        inspection = Inspection(self.name, self.table, self._talk.rows, self._directory, self.planned)
        findings = inspection.findings(lambda: self._talk.session, self._tools.clock)
        return [*findings, *settling_finding(self.name, self.settle_after, SETTLE_AFTER)]

    def resolve(self, do: Do, fields: Mapping[str, Any]) -> Resolved:
        """Rendered fields as a body: people and groups become sys_ids. What cannot be resolved is left out, with a
        finding."""
        with translated(self.name, Effect.READ):
            return Body(self._directory, self._settings.unknown_caller).of(do, fields)

    def read(self, remote_id: str, fields: Sequence[str]) -> Remote | None:
        """The record as it stands, or None where it is gone or hidden."""
        wanted = [name for name in fields if name not in columns.JOURNALS]
        record = self._talk.record(self.table, remote_id, (*columns.STATE_FIELDS, *wanted))
        if record is None:
            return None
        state = columns.plain(record.get("state"))
        return Remote(
            remote_id,
            columns.echo(record, wanted),
            columns.plain(record.get("number")),
            resolved=state in columns.RESOLVED.get(self.table, ()),
            closed=state in columns.CLOSED.get(self.table, ()),
        )

    def create(self, write: Write) -> Receipt:
        """Make the record. The receipt has learned whether the instance honours our `sys_id`."""
        body = write.body
        key = write.key
        sent = {**body, "sys_id": key.uuid, "correlation_id": key.remote, "correlation_display": DISPLAY}
        with self._talk.writing():
            record = self._talk.resource(f"/table/{self.table}").create(sent).one()
            self._honoured = "yes" if _named(record) == key.uuid else "no"
            # Of the columns that stay empty now too: what an analyst fills in is seen as theirs later.
            return self._receipt(record, body, {"client_sys_id": self._honoured}, (*body, *self.planned))

    def update(self, write: Write) -> Receipt:
        """Change the columns of the body and no others."""
        body = columns.changes(write.body, self.table)
        if not body:
            return Receipt(write.remote_id)
        return self._receipt(self._patch(write.remote_id, body), body)

    def comment(self, write: Write) -> Receipt:
        """Append to the customer-visible comments or to the work notes."""
        column = "comments" if write.body.get("public", True) else "work_notes"
        text = f"{columns.journal(columns.plain(write.body.get('text')))}\n\n{marked(write)}"
        reopening = columns.changes({"reopen": write.body.get("reopen")}, self.table)
        self._patch(write.remote_id, {column: text, **reopening})
        return Receipt(write.key.marker)

    def attach(self, write: Write) -> Receipt:
        """Attach the file to the record."""
        asked = {
            "table_name": self.table,
            "table_sys_id": checked_id(write.remote_id),
            "file_name": str(write.body["name"]),
        }
        headers = {"Content-Type": str(write.body.get("content_type") or "application/octet-stream")}
        with self._talk.writing():
            content = write.content() if write.content else b""
            self._talk.session.post("/api/now/attachment/file", params=asked, data=content, headers=headers)
            return _file_receipt(self._talk.session.last.document["result"])

    def find(self, write: Write, control: Write | None) -> Look:
        """Look for what `write` would have made, by every way there is, and check each row that comes back."""
        look = {Do.CREATE: self._made, Do.COMMENT: self._said, Do.ATTACH: self._attached}.get(write.do, self._changed)
        with translated(self.name, Effect.READ):
            self._talk.session.last = wire.Answer(0, None)
            found = look(write)
            date = self._talk.session.last.date
            proof = self._proves(look, control) if control is not None and not found else None
        return Look(tuple(found), date, proof)

    def guards(self, write: Write, age: float) -> bool:
        """A second create meets the primary key where `sys_id`s are honoured; an update repeats without harm."""
        if write.do is Do.CREATE:
            return self._honoured == "yes"
        return write.do in (Do.UPDATE, Do.LINK)

    # ── how it is written ────────────────────────────────────────────────────────────────────────────────────────

    def _patch(self, sys_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        with self._talk.writing():
            resource = self._talk.resource(f"/table/{self.table}")
            try:
                answer = resource.request("PATCH", path_append=f"/{checked_id(sys_id)}", data=json.dumps(body))
            except Permanent as error:
                raise self._because_closed(error, sys_id) from None
            record: dict[str, Any] = answer.one()
            if _named(record) != sys_id:
                raise wire.verdict(Seen.GARBLED, Effect.WRITE, self.name)
            return record

    def _because_closed(self, error: Permanent, sys_id: str) -> RemoteError:
        """A refusal does not say that the record is closed; the record does."""
        if error.code != Seen.REFUSED:
            return error
        try:
            remote = self.read(sys_id, ())
        except RemoteError:
            return error
        if remote is None or not remote.closed:
            return error
        return wire.verdict(Seen.CLOSED, Effect.WRITE, self.name, status=error.status)

    # ── how it is found ──────────────────────────────────────────────────────────────────────────────────────────

    def _made(self, write: Write) -> list[Receipt]:
        key = write.key
        wanted = (*columns.STATE_FIELDS, "correlation_id", "correlation_display", *write.body)
        rows = self._talk.rows(self.table, _correlated(key), wanted)
        date = self._talk.session.last
        ours = _ours(rows, key)
        if not any(_is(row, "sys_id", key.uuid) for row in ours):
            record = self._talk.record(self.table, key.uuid, wanted)
            ours += [record] if record else []
        self._talk.session.last = date  # absence counts from the first of the two looks
        ours.sort(key=lambda row: (columns.plain(row.get("sys_created_on")), columns.plain(row.get("sys_id"))))
        return [self._receipt(row, write.body) for row in ours]

    def _proves(self, look: Callable[[Write], list[Receipt]], control: Write) -> bool:
        """A record known to exist is found. One that is only found by a `sys_id` of ours proves nothing about those
        whose `sys_id` the instance chose."""
        if control.do is not Do.CREATE:
            return bool(look(control))
        columns_read = ("sys_id", "correlation_id", "correlation_display")
        return bool(_ours(self._talk.rows(self.table, _correlated(control.key), columns_read), control.key))

    def _changed(self, write: Write) -> list[Receipt]:
        body = columns.changes(write.body, self.table)
        record = self._talk.record(self.table, write.remote_id, (*columns.STATE_FIELDS, *body))
        if record is None:
            return []
        receipt = self._receipt(record, body)
        return [] if receipt.unkept else [receipt]

    def _said(self, write: Write) -> list[Receipt]:
        """By the journal's rows or, where their own access rules hide them, by the record's rendered journal."""
        marker, record_id = marked(write), checked_id(write.remote_id)
        query = f"element_id={record_id}^elementINcomments,work_notes^valueLIKE{write.key.marker}^ORDERBYsys_created_on"
        rows = self._talk.rows("sys_journal_field", query, ("sys_id", "element_id", "element", "value"))
        date = self._talk.session.last
        said = any(_is(row, "element_id", record_id) and marker in columns.plain(row.get("value")) for row in rows)
        if not said:
            resource = self._talk.resource(f"/table/{self.table}")
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
        return [_file_receipt(row) for row in rows if _is(row, "table_sys_id", record_id) and _is_file(row, write)]

    def _receipt(
        self,
        record: Mapping[str, Any],
        sent: Mapping[str, Any],
        learned: Mapping[str, str] | None = None,
        names: Iterable[str] = (),
    ) -> Receipt:
        sys_id = _named(record)
        kept = columns.echo(record, names or sent)
        return Receipt(
            sys_id,
            columns.plain(record.get("number")),
            f"{self._settings.url.rstrip('/')}/{self.table}.do?sys_id={sys_id}",
            kept,
            columns.unkept(sent, kept),
            columns.plain(record.get("sys_created_on")),
            learned or {},
        )


def marked(write: Write) -> str:
    """The last line of a comment, by which it is found again."""
    return f"[{DISPLAY} {write.key.marker}]"


def _named(record: Any) -> str:
    """The name of a record that the remote showed. Raises ValueError where it shows none."""
    sys_id = columns.plain(record.get("sys_id")) if isinstance(record, Mapping) else ""
    if not columns.is_sys_id(sys_id):
        raise ValueError("no sys_id")
    return sys_id


def _file_receipt(row: Mapping[str, Any]) -> Receipt:
    return Receipt(_named(row), created_at=columns.plain(row.get("sys_created_on")))


def _is_file(row: Mapping[str, Any], write: Write) -> bool:
    """Name and hash decide; a file that has no hash yet is compared by its size."""
    if not _is(row, "file_name", str(write.body["name"])):
        return False
    digest = columns.plain(row.get("hash"))
    return digest == write.body["sha256"] if digest else _is(row, "size_bytes", str(write.body["size"]))


def _correlated(key: Key) -> str:
    return f"correlation_id={key.remote}^correlation_display={DISPLAY}^ORDERBYsys_created_on"


def _ours(rows: Sequence[Mapping[str, Any]], key: Key) -> list[Mapping[str, Any]]:
    return [row for row in rows if _carries(row, key) and columns.is_sys_id(columns.plain(row.get("sys_id")))]


def _carries(row: Mapping[str, Any], key: Key) -> bool:
    return _is(row, "correlation_id", key.remote) and _is(row, "correlation_display", DISPLAY)


def _is(row: Mapping[str, Any], column: str, value: str) -> bool:
    return columns.plain(row.get(column)) == value
