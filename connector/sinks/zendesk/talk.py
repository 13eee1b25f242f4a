"""Talking to an account: zenpy over our sessions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from zenpy import Zenpy
from zenpy.lib.api_objects import Ticket, User

from connector import wire
from connector.errors import Permanent
from connector.plugins import SinkTools
from connector.sinks.lines import Lines
from connector.sinks.zendesk.dialect import DIALECT
from connector.sinks.zendesk.settings import Settings
from connector.wire import Effect, Seen, Session, translated

_PAGE = 100
_PAGES = 60  # a ticket takes 5,000 comments at most

Row = dict[str, Any]


class Talk(Lines):
    """What a sink says to its account. May be used from several threads."""

    dialect: ClassVar[wire.Dialect] = DIALECT

    def __init__(self, name: str, settings: Settings, tools: SinkTools) -> None:
        super().__init__(name, settings, tools)
        self._auth = settings.auth
        self._scope = settings.scope
        self._base = tools.base

    def client_on(self, session: Session) -> Zenpy:
        subdomain, _, domain = wire.ROOT.partition("//")[2].partition(".")
        return Zenpy(subdomain=subdomain, domain=domain, session=session, disable_cache=True)

    def credential(self) -> wire.Credential:
        form = self._auth.form(self._base)
        if "token" in form:
            return wire.Basic(f"{form['email']}/token", form["token"])
        return self.oauth("/oauth/tokens", {**form, "grant_type": "client_credentials", "scope": self._scope})

    def post(self, ticket: Mapping[str, Any]) -> Row:
        """Make a ticket; what Zendesk says of it."""
        # A fresh object for every attempt: zenpy empties the one that a failed call was given.
        self.client.tickets.create(Ticket(**_with_person(ticket)))
        made: Row = self.session.last.document["ticket"]
        return made

    def put(self, number: int, changes: Mapping[str, Any]) -> Row:
        """Change a ticket; the whole answer, `ticket` and `audit`."""
        given = _with_person(changes)
        ticket = Ticket(id=number, **{name: given.pop(name) for name in ("requester",) if name in given})
        for name, value in given.items():
            setattr(ticket, name, value)  # in the constructor, zenpy would not send a None, which clears a field
        self.client.tickets.update(ticket)
        document: Row = self.session.last.document
        return document

    def ticket(self, remote_id: str) -> Row | None:
        """One ticket, or None where it is gone, deleted or hidden."""
        try:
            self.session.get(f"/api/v2/tickets/{number_of(remote_id)}.json")
        except Permanent as error:
            if error.code == Seen.GONE:
                return None
            raise
        ticket = self.session.part("ticket", dict)
        return ticket if str(ticket.get("id")) == remote_id and ticket.get("status") != "deleted" else None

    def bring(self, ticket: Mapping[str, Any]) -> Row:
        """Make a ticket through the Import API, as `fields.imported` spells it; what Zendesk says of it."""
        self.client.ticket_import.create(Ticket(**_with_person(ticket)))
        made: Row = self.session.last.document["ticket"]
        return made

    def tickets(self, numbers: Iterable[int]) -> dict[int, Row]:
        """Many tickets by number; those gone, deleted or hidden are missing."""
        found: dict[int, Row] = {}
        for some in _some(sorted(numbers)):
            self.session.get("/api/v2/tickets/show_many.json", params={"ids": some})
            for row in self.session.part("tickets", list):
                if isinstance(row, dict) and isinstance(row.get("id"), int) and row.get("status") != "deleted":
                    found[row["id"]] = row
        return found

    def statuses(self, jobs: Sequence[str]) -> list[Row]:
        """How these jobs stand; those that the account does not know are missing."""
        found: list[Row] = []
        for some in _some(jobs):
            try:
                self.session.get("/api/v2/job_statuses/show_many.json", params={"ids": some})
            except Permanent as error:
                if error.code == Seen.GONE:
                    continue
                raise
            rows = self.session.part("job_statuses", list)
            found += [row for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)]
        return found

    def pages(self, path: str, name: str) -> list[Row]:
        """All rows of a list."""
        with translated(self.name, Effect.READ):
            return [row for page, _ in self.paged(path, name) for row in page]

    def paged(self, path: str, name: str, *, ids: type = int, **asked: str) -> Iterator[tuple[list[Row], wire.Answer]]:
        """The rows of a list page by page, each with its answer. A row without an id of this type is none."""
        after: dict[str, str] = {}
        for _ in range(_PAGES):
            self.session.get(path, params={**asked, "page[size]": str(_PAGE), **after})
            answer = self.session.last
            rows = self.session.part(name, list)
            yield [row for row in rows if isinstance(row, dict) and isinstance(row.get("id"), ids)], answer
            meta = answer.document.get("meta")
            if not isinstance(meta, dict) or not meta.get("has_more") or not meta.get("after_cursor"):
                return
            after = {"page[after]": str(meta["after_cursor"])}
        # What goes on for ever proves nothing about what is not in it.
        raise wire.verdict(Seen.GARBLED, Effect.READ, self.name)


def _some(names: Sequence[object]) -> Iterator[str]:
    """Names in groups as large as one call takes, spelt as Zendesk wants them."""
    for start in range(0, len(names), _PAGE):
        yield ",".join(map(str, names[start : start + _PAGE]))


def is_number(remote_id: str) -> bool:
    """Can this be the number of a ticket?"""
    return remote_id.isascii() and remote_id.isdigit() and len(remote_id) < 20


def number_of(remote_id: str) -> int:
    """The number of a ticket. Raises Permanent where this is none."""
    if not is_number(remote_id):
        raise Permanent("this is not the id of a ticket", "see connector explain", code="bad-id")
    return int(remote_id)


def _with_person(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The requester as zenpy wants one."""
    requester = fields.get("requester")
    return {**fields, "requester": User(**requester)} if isinstance(requester, Mapping) else dict(fields)
