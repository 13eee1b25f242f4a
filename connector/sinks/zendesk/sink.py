"""Zendesk: tickets through the Support API, with zenpy doing the talking.

A create carries `Idempotency-Key` (Zendesk keeps it for two hours) and our key in `external_id` for ever. A comment
and a file carry a marker in their audit's metadata, where no reader sees it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel

from connector.errors import Finding, Permanent
from connector.plugins import (
    Can,
    Do,
    FieldSpec,
    Look,
    Receipt,
    Remote,
    Resolved,
    SinkTools,
    Write,
)
from connector.sinks.accounts import MARGIN
from connector.sinks.inspecting import settling_finding
from connector.sinks.zendesk import fields as tickets
from connector.sinks.zendesk.body import Body
from connector.sinks.zendesk.catalogue import Catalogue
from connector.sinks.zendesk.check import Inspection
from connector.sinks.zendesk.settings import SETTLE_AFTER, Settings
from connector.sinks.zendesk.talk import Talk, number_of
from connector.wire import Effect, Seen, translated

KEY_LIFE = 2 * 3600.0
KEY_MARGIN = 600.0  # the key's life counts from the remote's receipt, ours from the attempt; and clocks differ
_METADATA = "connector"


class Zendesk:
    """Writes tickets. May be used from several threads."""

    settings: ClassVar[type[BaseModel]] = Settings
    can: ClassVar[Can] = Can.FIND | Can.COMMENT | Can.ATTACH

    def __init__(self, name: str, settings: Settings, tools: SinkTools) -> None:
        self.name = name
        self.table = "tickets"
        self.settle_after = settings.settle_after
        self.call_seconds = settings.timeout + MARGIN
        self.planned: Mapping[str, frozenset[str]] = {}
        self._settings = settings
        self._tools = tools
        self._talk = Talk(name, settings, tools)
        self._catalogue = Catalogue(self._talk.pages, tools.clock)

    def __repr__(self) -> str:
        return f"Zendesk({self.name!r}, {self._settings.url!r})"

    # ── what the engine asks ─────────────────────────────────────────────────────────────────────────────────────

    def fields(self) -> Sequence[FieldSpec]:
        """The properties of a ticket that a mapping may write, and any `custom:TITLE` or `custom:ID`."""
        return tickets.FIELDS

    def check(self) -> Sequence[Finding]:
        """Ask the account about credential, rights, fields, options, groups and clock; writes nothing.

        Set `planned` first to the fields that a mapping writes, each with the literal values that it may send.
        """
        inspection = Inspection(self.name, self._catalogue, self.planned)
        findings = inspection.findings(lambda: self._talk.session, self._tools.clock)
        return [*findings, *settling_finding(self.name, self.settle_after, SETTLE_AFTER)]

    def resolve(self, do: Do, fields: Mapping[str, Any]) -> Resolved:
        """Rendered fields as a body: groups, custom fields and options by id. What cannot be resolved is left out,
        with a finding."""
        with translated(self.name, Effect.READ):
            return Body(self._catalogue, self._settings.unknown_requester).of(do, fields)

    def read(self, remote_id: str, fields: Sequence[str]) -> Remote | None:
        """The ticket as it stands, or None where it is gone or hidden."""
        with translated(self.name, Effect.READ):
            ticket = self._talk.ticket(remote_id)
            if ticket is None:
                return None
            echo = tickets.echo(ticket, fields, self._catalogue.ids(fields))
        status = ticket.get("status")
        return Remote(remote_id, echo, remote_id, resolved=status == "solved", closed=status == "closed")

    def create(self, write: Write) -> Receipt:
        """Make the ticket. The same bytes with the same key within two hours make no second one."""
        ticket = {**tickets.ticket(write.body), "external_id": write.key.remote}
        with self._talk.writing() as session, session.keyed(write.key.uuid):
            # Of the fields that stay empty now too: what an agent fills in is seen as theirs later.
            return self._receipt(self._talk.post(ticket), write, self.planned)

    def update(self, write: Write) -> Receipt:
        """Change the fields of the body and no others. Tags are added and removed by themselves, so that nobody
        else's are taken; each of the requests can be repeated."""
        number, changes = number_of(write.remote_id), tickets.ticket(write.body)
        added, removed = tickets.tag_changes(write.body)
        path = f"/api/v2/tickets/{number}/tags.json"
        echo: dict[str, Any] = {}
        with self._talk.writing() as session:
            if added:
                session.put(path, json={"tags": added})
                echo = session.last.document
            if removed:
                session.delete(path, json={"tags": removed})
                echo = session.last.document or {}
            if changes:
                echo = self._talk.put(number, changes)["ticket"]
            return self._receipt({"id": number, **echo}, write)

    def comment(self, write: Write) -> Receipt:
        """Add a comment, public or private."""
        comment = {"body": str(write.body.get("text") or ""), "public": bool(write.body.get("public", True))}
        reopening = tickets.ticket({"reopen": True}) if write.body.get("reopen") else {}
        with self._talk.writing():
            return self._said_in(
                self._talk.put(number_of(write.remote_id), {**_with_marker(comment, write), **reopening}), write
            )

    def attach(self, write: Write) -> Receipt:
        """Upload the file and hang it on a comment, a private one unless the body says `public`."""
        name, headers = str(write.body["name"]), {"Content-Type": str(write.body.get("content_type") or _BYTES)}
        with self._talk.writing() as session:
            # An upload that no comment uses is seen by nobody and ends by itself, so it may fail without doubt.
            asked = {"filename": name}
            content = write.content() if write.content else b""
            session.request("POST", "/api/v2/uploads.json", params=asked, data=content, headers=headers, harmless=True)
            token = session.last.document["upload"]["token"]
            comment = {"body": f"File: {name}", "public": bool(write.body.get("public", False)), "uploads": [token]}
            return self._said_in(self._talk.put(number_of(write.remote_id), _with_marker(comment, write)), write)

    def find(self, write: Write, control: Write | None) -> Look:
        """Look for what `write` would have made; every row is checked again.

        A create is looked for by `external_id` in the list of tickets, never by search, whose index lags. The list
        leaves out archived tickets (long closed ones), which is one reason why an empty look needs a control.
        """
        look = {Do.CREATE: self._made, Do.COMMENT: self._said, Do.ATTACH: self._said}.get(write.do, self._changed)
        with translated(self.name, Effect.READ):
            found, date = look(write)
            proof = bool(look(control)[0]) if control is not None and not found else None
        return Look(tuple(found), date, proof)

    def guards(self, write: Write, age: float) -> bool:
        """A second create meets the Idempotency-Key while that lives; an update repeats without harm."""
        if write.do is Do.CREATE:
            return 0 <= age < KEY_LIFE - KEY_MARGIN
        return write.do in (Do.UPDATE, Do.LINK)

    def _said_in(self, document: Mapping[str, Any], write: Write) -> Receipt:
        return _audit_receipt(document.get("audit") or {}, write)

    # ── how it is found ──────────────────────────────────────────────────────────────────────────────────────────

    def _made(self, write: Write) -> tuple[list[Receipt], Any]:
        wanted = write.key.remote
        pages = list(self._talk.paged("/api/v2/tickets.json", "tickets", external_id=wanted))
        rows = [row for page, _ in pages for row in page if row.get("external_id") == wanted]
        rows.sort(key=lambda row: (str(row.get("created_at")), int(row["id"])))
        return [self._receipt(row, write) for row in rows], pages[0][1].date

    def _changed(self, write: Write) -> tuple[list[Receipt], Any]:
        ticket = self._talk.ticket(write.remote_id)
        date = self._talk.session.last.date
        if ticket is None:
            return [], date
        receipt = self._receipt(ticket, write)
        return ([] if receipt.unkept else [receipt]), date

    def _said(self, write: Write) -> tuple[list[Receipt], Any]:
        path, date, found = f"/api/v2/tickets/{number_of(write.remote_id)}/audits.json", None, list[Receipt]()
        try:
            for audits, answer in self._talk.paged(path, "audits"):
                date = date or answer.date
                found += [_audit_receipt(audit, write) for audit in audits if _marker(audit) == write.key.marker]
        except Permanent as error:
            if error.code != Seen.GONE:
                raise
            date = self._talk.session.last.date
        return found, date

    def _receipt(self, ticket: Mapping[str, Any], write: Write, besides: Iterable[str] = ()) -> Receipt:
        number = str(ticket["id"])
        partial = "status" not in ticket  # the answer to a change of tags alone shows nothing else
        plain = [name for name in besides if not name.startswith(tickets.CUSTOM)]
        shown = [name for name in (*write.body, *plain) if not partial or name in ticket]
        echo = tickets.echo(ticket, shown, tickets.custom_ids(write.body))
        return Receipt(
            number,
            number,
            f"{self._settings.url.rstrip('/')}/agent/tickets/{number}",
            echo,
            tickets.unkept(write.body, echo),
            str(ticket.get("created_at") or ""),
        )


_BYTES = "application/octet-stream"


def _with_marker(comment: Mapping[str, Any], write: Write) -> dict[str, Any]:
    return {"comment": dict(comment), "metadata": {_METADATA: write.key.marker}}


def _marker(audit: Mapping[str, Any]) -> Any:
    metadata = audit.get("metadata")
    custom = metadata.get("custom") if isinstance(metadata, dict) else None
    return custom.get(_METADATA) if isinstance(custom, dict) else None


def _audit_receipt(audit: Mapping[str, Any], write: Write) -> Receipt:
    return Receipt(str(audit.get("id") or write.key.marker), created_at=str(audit.get("created_at") or ""))
