"""Talking to an account: zenpy over our sessions, a client for each thread, one credential for all."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from zenpy import Zenpy
from zenpy.lib.api_objects import Ticket, User

from connector import wire
from connector.errors import Permanent
from connector.plugins import SinkTools
from connector.sinks.accounts import opened
from connector.sinks.zendesk.dialect import DIALECT
from connector.sinks.zendesk.settings import Settings
from connector.wire import Effect, Seen, Session, translated

_PAGE = 100
_PAGES = 60  # a ticket takes 5,000 comments at most

Row = dict[str, Any]


class _Line(threading.local):
    """zenpy's client with a session of its own for every thread: neither may be shared."""

    client: Any = None
    process = 0
    session: Any = None


class Talk:
    """What a sink says to its account. May be used from several threads."""

    def __init__(self, name: str, settings: Settings, tools: SinkTools) -> None:
        self.name = name
        self._settings = settings
        self._tools = tools
        self._line = _Line()
        self._opening = threading.Lock()
        self._credential: wire.Credential | None = None

    @property
    def session(self) -> Session:
        """The calling thread's session."""
        self._client()
        session: Session = self._line.session
        return session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Around a write and what belongs to it: one deadline, and whatever goes wrong is Uncertain unless the wire
        knows better."""
        with translated(self.name, Effect.WRITE):
            session = self.session
            with session.single_call():
                yield session

    def post(self, ticket: Mapping[str, Any]) -> Row:
        """Make a ticket; what Zendesk says of it."""
        # A fresh object for every attempt: zenpy empties the one that a failed call was given.
        self._client().tickets.create(Ticket(**_with_person(ticket)))
        made: Row = self.session.last.document["ticket"]
        return made

    def put(self, number: int, changes: Mapping[str, Any]) -> Row:
        """Change a ticket; the whole answer, `ticket` and `audit`."""
        given = _with_person(changes)
        ticket = Ticket(id=number, **{name: given.pop(name) for name in ("requester",) if name in given})
        for name, value in given.items():
            setattr(ticket, name, value)  # in the constructor, zenpy would not send a None, which clears a field
        self._client().tickets.update(ticket)
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

    def pages(self, path: str, name: str) -> list[Row]:
        """All rows of a list."""
        with translated(self.name, Effect.READ):
            return [row for page, _ in self.paged(path, name) for row in page]

    def paged(self, path: str, name: str, **asked: str) -> Iterator[tuple[list[Row], wire.Answer]]:
        """The rows of a list page by page, each with its answer."""
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
        if self._line.process != os.getpid():  # a forked child must not speak on its parent's connections
            session = opened(self.name, self._settings, self._tools, self._shown(), DIALECT)
            subdomain, _, domain = wire.ROOT.partition("//")[2].partition(".")
            self._line.client = Zenpy(subdomain=subdomain, domain=domain, session=session, disable_cache=True)
            self._line.session = session
            self._line.process = os.getpid()
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


def number_of(remote_id: str) -> int:
    """The number of a ticket. Raises Permanent where this is none."""
    if not (remote_id.isascii() and remote_id.isdigit() and len(remote_id) < 20):
        raise Permanent("this is not the id of a ticket", "see connector explain", code="bad-id")
    return int(remote_id)


def _with_person(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The requester as zenpy wants one."""
    requester = fields.get("requester")
    return {**fields, "requester": User(**requester)} if isinstance(requester, Mapping) else dict(fields)
