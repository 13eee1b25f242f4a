"""Zendesk: tickets through the Support API, with zenpy doing the talking.

A create carries `Idempotency-Key` (Zendesk keeps it for two hours) and our key in `external_id` for ever. A comment
and a file carry a marker in their audit's metadata, where no reader sees it. Many creates, updates and links go as
jobs, which carry no key: a created ticket is told by its `external_id`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel

from connector.errors import Finding, Permanent
from connector.plugins import (
    Allowance,
    Can,
    Change,
    ChangePage,
    Cost,
    Do,
    FieldSpec,
    Job,
    Known,
    Look,
    Outcome,
    Receipt,
    Remote,
    Resolved,
    SinkTools,
    Write,
)
from connector.sinks.accounts import MARGIN
from connector.sinks.inspecting import settling_finding
from connector.sinks.zendesk import allowances, parents, receipts
from connector.sinks.zendesk import fields as tickets
from connector.sinks.zendesk.body import Body
from connector.sinks.zendesk.catalogue import Catalogue
from connector.sinks.zendesk.changes import Changes
from connector.sinks.zendesk.check import Inspection
from connector.sinks.zendesk.jobs import Jobs
from connector.sinks.zendesk.links import Links, problem_of
from connector.sinks.zendesk.looks import Looks
from connector.sinks.zendesk.newcomers import Acquaintance
from connector.sinks.zendesk.settings import SETTLE_AFTER, Settings
from connector.sinks.zendesk.talk import Talk, is_number, number_of
from connector.ticket import Ticket
from connector.wire import Effect, Seen, translated

KEY_LIFE = 2 * 3600.0
KEY_MARGIN = 600.0  # the key's life counts from the remote's receipt, ours from the attempt; and clocks differ
MANY = 100
_IN_JOBS = frozenset({Do.CREATE, Do.UPDATE, Do.LINK})  # a comment's marker is kept by single calls alone
_BYTES = "application/octet-stream"


class Zendesk:
    """Writes tickets. May be used from several threads."""

    settings: ClassVar[type[BaseModel]] = Settings
    can: ClassVar[Can] = Can.FIND | Can.COMMENT | Can.ATTACH | Can.LINK | Can.PROBLEM | Can.CHANGES | Can.SOLVE
    cascade_seconds: float = 120.0  # Zendesk solves the incidents of a solved problem in its own time

    def __init__(self, name: str, settings: Settings, tools: SinkTools) -> None:
        self.name = name
        self.table = "tickets"
        self.settle_after = settings.settle_after
        self.call_seconds = settings.timeout + MARGIN
        self.planned: Mapping[str, frozenset[str]] = {}
        self.allowances: Sequence[Allowance] = allowances.ALLOWANCES
        self.jobs_at_once = settings.jobs_at_once
        self._settings = settings
        self._tools = tools
        self._imports = settings.mode == "import"
        self._talk = Talk(name, settings, tools)
        self._catalogue = Catalogue(self._talk.pages, tools.clock)
        self._changes = Changes(self._talk, self._catalogue, settings.url, settings.endings, tools.clock)
        self._acquaintance = Acquaintance()
        self._jobs = Jobs(self._talk, self._receipt, tools.limiter, tools.clock, settings.settle_after)
        self._looks = Looks(self._talk, self._jobs, self._receipt)

    def __repr__(self) -> str:
        return f"Zendesk({self.name!r}, {self._settings.url!r})"

    # ── what the engine asks ─────────────────────────────────────────────────────────────────────────────────────

    def fields(self) -> Sequence[FieldSpec]:
        """The properties of a ticket that a mapping may write, and any `custom:TITLE` or `custom:ID`; those that the
        Import API alone takes, where the sink uses that."""
        return (*tickets.FIELDS, *tickets.IMPORT_FIELDS) if self._imports else tickets.FIELDS

    def check(self) -> Sequence[Finding]:
        """Ask the account about credential, rights, fields, options, groups and clock; writes nothing.

        Set `planned` first to the fields that a mapping writes, each with the literal values that it may send.
        """
        inspection = Inspection(self.name, self._catalogue, self.planned, self._imports)
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
            return None if ticket is None else receipts.remote(ticket, fields, self._catalogue.ids(fields))

    def create(self, write: Write) -> Receipt:
        """Make the ticket. The same bytes with the same key within two hours make no second one; an import has no
        such key."""
        ticket = tickets.new(write.body, write.key.remote)
        if self._imports:
            with self._talk.writing():
                return self._receipt(self._talk.bring(tickets.imported(ticket)), write)
        with self._talk.writing() as session, session.keyed(write.key.uuid):
            return self._receipt(self._talk.post(ticket), write)

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
            changes = {**receipts.with_marker(comment, write), **reopening}
            return receipts.of_audit(self._talk.put(number_of(write.remote_id), changes).get("audit") or {}, write)

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
            changes = receipts.with_marker(comment, write)
            return receipts.of_audit(self._talk.put(number_of(write.remote_id), changes).get("audit") or {}, write)

    def link(self, write: Write) -> Receipt:
        """Make the ticket an incident of the problem that the body names, or of none. Refused where that is no problem,
        and where incidents hang on the ticket itself."""
        with self._talk.writing():
            for refusal in Links(self._talk).refusals([write]).values():
                raise refusal
            answer = self._talk.put(number_of(write.remote_id), tickets.linked(problem_of(write)))
            return self._receipt(answer["ticket"], write)

    def solve(self, write: Write) -> Receipt:
        """Solve the ticket, with a private comment that says why. What is solved or closed stays as it is."""
        with self._talk.writing():
            ticket = self._talk.ticket(write.remote_id)
            if ticket is None:
                raise Permanent(f"{self.name} has no such record, or hides it from this account", code=Seen.GONE)
            if ticket.get("status") not in ("solved", "closed"):
                ticket = self._talk.put(number_of(write.remote_id), self._solved(ticket, write))["ticket"]
            if ticket.get("status") not in ("solved", "closed"):
                remedy = "see which fields the ticket wants before it is solved, fill them in there, then release it"
                raise Permanent("it was not solved", remedy, code="stayed")
            return receipts.of_solved(self._settings.url, ticket)

    def _solved(self, ticket: Mapping[str, Any], write: Write) -> dict[str, Any]:
        comment = {"body": str(write.body.get("notes") or "Solved."), "public": False}
        changes = {"status": "solved", **receipts.with_marker(comment, write)}
        if ticket.get("assignee_id"):  # without one no ticket is solved
            return changes
        solver = self._settings.solver
        return {**changes, **({"assignee_email": solver} if solver else {"assignee_id": self._changes.us()})}

    def changes(self, cursor: Mapping[str, str], known: Known) -> Iterator[ChangePage]:
        """Tickets by the incremental export, which only an administrator's account may read."""
        with translated(self.name, Effect.READ):
            yield from self._changes.pages(cursor, known)

    def observe(self, remote_ids: Sequence[str]) -> Sequence[Change]:
        """These tickets, a hundred at a request, and the audits of each."""
        with translated(self.name, Effect.READ):
            return self._changes.observe(remote_ids)

    def find(self, write: Write, control: Write | None) -> Look:
        """Look for what `write` would have made; every row is checked again.

        A create is looked for by `external_id` in the list of tickets, never by search, whose index lags. The list
        leaves out archived tickets (long closed ones), which is one reason why an empty look needs a control. While a
        job that it may have gone in still runs, an empty look has no date: it proves nothing.
        """
        with translated(self.name, Effect.READ):
            return self._looks.look(write, control)

    def guards(self, write: Write, age: float) -> bool:
        """A second create meets the Idempotency-Key while that lives, which jobs and imports go without; an update
        repeats without harm."""
        if write.do is Do.CREATE:
            return write.job is None and not self._imports and 0 <= age < KEY_LIFE - KEY_MARGIN
        return write.do in (Do.UPDATE, Do.LINK, Do.SOLVE)

    # ── parents ──────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def parent_table(self) -> str:
        """Problems are tickets."""
        return self.table

    def parent(self, ticket: Ticket, group: str, first: str) -> Mapping[str, Any]:
        """The fields of a problem."""
        return parents.fields(ticket, group)

    def raised(self, ticket: Ticket, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """The priority."""
        return parents.raised(ticket, fields)

    # ── many at once ─────────────────────────────────────────────────────────────────────────────────────────────

    def most(self, do: Do) -> int:
        """Creates, updates and links go by the hundred; updates one by one where jobs leave tags as they were."""
        return MANY if do in _IN_JOBS and (do is not Do.UPDATE or self._jobs.takes_tags) else 1

    def cost(self, writes: Sequence[Write]) -> Cost:
        """What one call costs; the classes are told in `allowances`. Asking how jobs stand pays for itself."""
        return allowances.cost(writes, self._imports)

    def newcomer(self, fields: Mapping[str, Any]) -> str:
        """The requester whom the ticket would make: anybody whom no receipt of this process has shown to exist."""
        return self._acquaintance.newcomer(fields)

    def resolve_many(self, do: Do, each: Sequence[Mapping[str, Any]]) -> Sequence[Resolved]:
        """As `resolve`: the lists that it takes are read once for all."""
        with translated(self.name, Effect.READ):
            return [Body(self._catalogue, self._settings.unknown_requester).of(do, fields) for fields in each]

    def read_many(self, remote_ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Remote]:
        """As `read`, a hundred at a request."""
        with translated(self.name, Effect.READ):
            rows = self._talk.tickets({int(each) for each in remote_ids if is_number(each)})
            custom = self._catalogue.ids(fields)
            return {str(number): receipts.remote(row, fields, custom) for number, row in rows.items()}

    def create_many(self, writes: Sequence[Write]) -> Job:
        """Queue new tickets. Lost on the way, nobody knows whether they were."""
        return self._jobs.create(writes, self._imports)

    def update_many(self, writes: Sequence[Write]) -> Job | Sequence[Outcome]:
        """Queue changes and links. What cannot be made is left out of the job and told at its end."""
        return self._jobs.update(writes)

    def ended(self, jobs: Mapping[str, Sequence[Write]]) -> Mapping[str, Sequence[Outcome]]:
        """The outcomes of those jobs that have ended. A ticket is taken for ours by its `external_id` alone; what a job
        kept silent about is Uncertain."""
        return self._jobs.ended(jobs)

    def _receipt(self, ticket: Mapping[str, Any], write: Write) -> Receipt:
        self._acquaintance.meet(write.body)
        if write.do is Do.SOLVE:
            return receipts.of_solved(self._settings.url, ticket)
        if write.do is Do.LINK:
            return receipts.of_link(self._settings.url, ticket, write)
        # Of the fields that stay empty now too: what an agent fills in is seen as theirs later.
        return receipts.of_ticket(self._settings.url, ticket, write, self.planned if write.do is Do.CREATE else ())
