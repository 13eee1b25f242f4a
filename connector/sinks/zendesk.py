"""Zendesk: tickets through the Support API, with zenpy doing the talking.

A create carries `Idempotency-Key` (Zendesk keeps it for two hours) and our key in `external_id` for ever. A comment
and a file carry a marker in their audit's metadata, where no reader sees it.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from pydantic import BaseModel, Field
from zenpy import Zenpy
from zenpy.lib.api_objects import Ticket as ZenpyTicket
from zenpy.lib.api_objects import User as ZenpyUser

from connector import wire
from connector.errors import Finding, Permanent
from connector.plugins import (
    Can,
    Do,
    FieldSpec,
    Look,
    Receipt,
    Remote,
    Resolved,
    Secret,
    SinkSettings,
    SinkTools,
    Write,
)
from connector.sinks import zendesk_fields as tickets
from connector.sinks.accounts import MARGIN, Auth, opened
from connector.sinks.inspecting import settling_finding
from connector.sinks.zendesk_body import Body
from connector.sinks.zendesk_catalogue import Catalogue
from connector.sinks.zendesk_check import Inspection
from connector.sinks.zendesk_dialect import DIALECT
from connector.wire import Effect, Seen, Session, translated

SETTLE_AFTER = 600.0
KEY_LIFE = 2 * 3600.0
KEY_MARGIN = 600.0  # the key's life counts from the remote's receipt, ours from the attempt; and clocks differ
_PAGE = 100
_PAGES = 60  # a ticket takes 5,000 comments at most
_METADATA = "connector"


class ZendeskAuth(Auth):
    """An OAuth client, or an API token with the e-mail of its user (tokens end on 30 April 2027)."""

    ways: ClassVar[tuple[frozenset[str], ...]] = (
        frozenset({"client_id", "client_secret"}),
        frozenset({"email", "token"}),
    )

    client_id: str = ""
    client_secret: Secret | None = None
    email: str = ""
    token: Secret | None = None


class Settings(SinkSettings):
    """What a Zendesk sink can be told. `unknown_requester` is the e-mail that stands in for a requester without one."""

    auth: ZendeskAuth
    settle_after: float = Field(default=SETTLE_AFTER, gt=0)
    scope: str = "read write"
    unknown_requester: str | None = None


class _Line(threading.local):
    """zenpy's client with a session of its own for every thread: neither may be shared."""

    client: Any = None
    session: Any = None


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
        self._line = _Line()
        self._opening = threading.Lock()
        self._credential: wire.Credential | None = None
        self._catalogue = Catalogue(self.pages, tools.clock)

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
        findings = inspection.findings(lambda: self.session, self._tools.clock)
        return [*findings, *settling_finding(self.name, self.settle_after, SETTLE_AFTER)]

    def resolve(self, do: Do, fields: Mapping[str, Any]) -> Resolved:
        """Rendered fields as a body: groups, custom fields and options by id. What cannot be resolved is left out,
        with a finding."""
        with translated(self.name, Effect.READ):
            return Body(self._catalogue, self._settings.unknown_requester).of(do, fields)

    def read(self, remote_id: str, fields: Sequence[str]) -> Remote | None:
        """The ticket as it stands, or None where it is gone or hidden."""
        with translated(self.name, Effect.READ):
            ticket = self._ticket(remote_id)
            if ticket is None:
                return None
            echo = tickets.echo(ticket, fields, self._catalogue.ids(fields))
        status = ticket.get("status")
        return Remote(remote_id, echo, remote_id, resolved=status == "solved", closed=status == "closed")

    def create(self, write: Write) -> Receipt:
        """Make the ticket. The same bytes with the same key within two hours make no second one."""
        ticket = {**tickets.ticket(write.body), "external_id": write.key.remote}
        if isinstance(ticket.get("requester"), Mapping):
            ticket["requester"] = ZenpyUser(**ticket["requester"])
        with self._writing() as session, session.keyed(write.key.uuid):
            self._client().tickets.create(ZenpyTicket(**ticket))
            return self._receipt(session.last.document["ticket"], write)

    def update(self, write: Write) -> Receipt:
        """Change the fields of the body and no others. Tags are added and removed by themselves, so that nobody
        else's are taken; each of the requests can be repeated."""
        number, changes = _number(write.remote_id), tickets.ticket(write.body)
        added, removed = tickets.tag_changes(write.body)
        path = f"/api/v2/tickets/{number}/tags.json"
        echo: dict[str, Any] = {}
        with self._writing() as session:
            if added:
                session.put(path, json={"tags": added})
                echo = session.last.document
            if removed:
                session.delete(path, json={"tags": removed})
                echo = session.last.document or {}
            if changes:
                echo = self._put(number, changes)["ticket"]
            return self._receipt({"id": number, **echo}, write)

    def comment(self, write: Write) -> Receipt:
        """Add a comment, public or private."""
        comment = {"body": str(write.body.get("text") or ""), "public": bool(write.body.get("public", True))}
        reopening = tickets.ticket({"reopen": True}) if write.body.get("reopen") else {}
        with self._writing():
            return self._said_in(
                self._put(_number(write.remote_id), {**_with_marker(comment, write), **reopening}), write
            )

    def attach(self, write: Write) -> Receipt:
        """Upload the file and hang it on a comment, a private one unless the body says `public`."""
        content = write.content() if write.content else b""
        name, headers = str(write.body["name"]), {"Content-Type": str(write.body.get("content_type") or _BYTES)}
        with self._writing() as session:
            # An upload that no comment uses is seen by nobody and ends by itself, so it may fail without doubt.
            asked = {"filename": name}
            session.request("POST", "/api/v2/uploads.json", params=asked, data=content, headers=headers, harmless=True)
            token = session.last.document["upload"]["token"]
            comment = {"body": f"File: {name}", "public": bool(write.body.get("public", False)), "uploads": [token]}
            return self._said_in(self._put(_number(write.remote_id), _with_marker(comment, write)), write)

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

    # ── how it is asked ──────────────────────────────────────────────────────────────────────────────────────────

    @property
    def session(self) -> Session:
        """The calling thread's session."""
        self._client()
        session: Session = self._line.session
        return session

    def pages(self, path: str, name: str) -> list[dict[str, Any]]:
        """All rows of a list, page by page."""
        with translated(self.name, Effect.READ):
            return [row for page, _ in self._paged(path, name) for row in page]

    def _paged(self, path: str, name: str, **asked: str) -> Iterator[tuple[list[dict[str, Any]], wire.Answer]]:
        after: dict[str, str] = {}
        for _ in range(_PAGES):
            self.session.get(path, params={**asked, "page[size]": str(_PAGE), **after})
            answer = self.session.last
            rows = self.session.part(name, list)
            yield [row for row in rows if isinstance(row, dict) and isinstance(row.get("id"), int)], answer
            meta = answer.document.get("meta")
            if not isinstance(meta, dict) or not meta.get("has_more") or not meta.get("after_cursor"):
                return
            after = {"page[after]": str(meta["after_cursor"])}
        # What goes on for ever proves nothing about what is not in it.
        raise wire.verdict(Seen.GARBLED, Effect.READ, self.name)

    def _client(self) -> Any:
        if self._line.client is None:
            session = opened(self.name, self._settings, self._tools, self._shown(), DIALECT)
            where, _, domain = wire.ROOT.partition("//")[2].partition(".")
            self._line.client = Zenpy(subdomain=where, domain=domain, session=session, disable_cache=True)
            self._line.session = session
            wire.silence()
        return self._line.client

    def _shown(self) -> wire.Credential:
        """The credential, made once and shared by all threads (a token is fetched once for all)."""
        with self._opening:
            if self._credential is None:
                self._credential = self._made_credential()
            return self._credential

    def _made_credential(self) -> wire.Credential:
        form = self._settings.auth.form(self._tools.base)
        if "token" in form:
            return wire.Basic(f"{form['email']}/token", form["token"])
        grant = {**form, "grant_type": "client_credentials", "scope": self._settings.scope}
        asking = functools.partial(opened, self.name, self._settings, self._tools, None)
        return wire.oauth(asking, "/oauth/tokens", grant, self._tools.clock)

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        with translated(self.name, Effect.WRITE):
            session = self.session
            with session.single_call():
                yield session

    def _put(self, number: int, changes: Mapping[str, Any]) -> dict[str, Any]:
        requester = changes.get("requester")
        people = {"requester": ZenpyUser(**requester)} if isinstance(requester, Mapping) else {}
        ticket = ZenpyTicket(id=number, **people)
        for name, value in changes.items():
            if name != "requester":
                setattr(ticket, name, value)  # in the constructor, zenpy would not send a None, which clears a field
        self._client().tickets.update(ticket)
        document: dict[str, Any] = self.session.last.document
        return document

    def _said_in(self, document: Mapping[str, Any], write: Write) -> Receipt:
        return _audit_receipt(document.get("audit") or {}, write)

    def _ticket(self, remote_id: str) -> dict[str, Any] | None:
        try:
            self.session.get(f"/api/v2/tickets/{_number(remote_id)}.json")
        except Permanent as error:
            if error.code == Seen.GONE:
                return None
            raise
        ticket = self.session.part("ticket", dict)
        return ticket if str(ticket.get("id")) == remote_id and ticket.get("status") != "deleted" else None

    # ── how it is found ──────────────────────────────────────────────────────────────────────────────────────────

    def _made(self, write: Write) -> tuple[list[Receipt], Any]:
        wanted = write.key.remote
        pages = list(self._paged("/api/v2/tickets.json", "tickets", external_id=wanted))
        rows = [row for page, _ in pages for row in page if row.get("external_id") == wanted]
        rows.sort(key=lambda row: (str(row.get("created_at")), int(row["id"])))
        return [self._receipt(row, write) for row in rows], pages[0][1].date

    def _changed(self, write: Write) -> tuple[list[Receipt], Any]:
        ticket = self._ticket(write.remote_id)
        date = self.session.last.date
        if ticket is None:
            return [], date
        receipt = self._receipt(ticket, write)
        return ([] if receipt.unkept else [receipt]), date

    def _said(self, write: Write) -> tuple[list[Receipt], Any]:
        path, date, found = f"/api/v2/tickets/{_number(write.remote_id)}/audits.json", None, list[Receipt]()
        try:
            for audits, answer in self._paged(path, "audits"):
                date = date or answer.date
                found += [_audit_receipt(audit, write) for audit in audits if _marker(audit) == write.key.marker]
        except Permanent as error:
            if error.code != Seen.GONE:
                raise
            date = self.session.last.date
        return found, date

    def _receipt(self, ticket: Mapping[str, Any], write: Write) -> Receipt:
        number = str(ticket["id"])
        partial = "status" not in ticket  # the answer to a change of tags alone shows nothing else
        shown = [name for name in write.body if not partial or name in ticket]
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


def _number(remote_id: str) -> int:
    if not (remote_id.isascii() and remote_id.isdigit() and len(remote_id) < 20):
        raise Permanent("this is not the id of a ticket", "see connector explain", code="bad-id")
    return int(remote_id)
