"""ServiceNow: incidents and problems through the Table API, with pysnow doing the talking.

A create carries a `sys_id` that we chose (so that the primary key refuses a second copy, where the instance honours
it) and our key in `correlation_id`. A comment carries a marker in its last line, a file its name and hash. Many at once
go through the Batch API, each as the call that it would have been alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import BaseModel

from connector import wire
from connector.errors import Finding, Permanent, RemoteError
from connector.plugins import (
    Can,
    Change,
    ChangePage,
    Cost,
    Do,
    FieldSpec,
    Known,
    Look,
    OneByOne,
    Outcome,
    Receipt,
    Remote,
    Resolved,
    SinkTools,
    Write,
)
from connector.sinks.accounts import MARGIN
from connector.sinks.inspecting import settling_finding
from connector.sinks.servicenow import batch, parents
from connector.sinks.servicenow import fields as columns
from connector.sinks.servicenow.body import Body, look_ahead
from connector.sinks.servicenow.changes import Changes
from connector.sinks.servicenow.check import Inspection
from connector.sinks.servicenow.desk import KEY_FIELDS, Call, Desk, carries, checked_id, named
from connector.sinks.servicenow.looks import Looks, file_receipt
from connector.sinks.servicenow.people import Directory
from connector.sinks.servicenow.settings import SETTLE_AFTER, Settings
from connector.sinks.servicenow.solving import Solver
from connector.sinks.servicenow.talk import NoBatch, Talk
from connector.sinks.servicenow.ways import Import, Live, Way
from connector.ticket import Ticket
from connector.wire import Effect, Seen, translated

_STEPS = 7  # requests that it takes at most to resolve a record: it is found, and each state written
_NO_BATCH = 900.0  # seconds for which the Batch API is left alone after it refused us
_PARENT = {"problem": "problem_id", "incident": "parent_incident"}
_YES, _NO, _NEITHER = "yes", "no", "neither"


class ServiceNow(OneByOne):
    """Writes incidents or problems, whichever `table` says. May be used from several threads."""

    settings: ClassVar[type[BaseModel]] = Settings
    can: ClassVar[Can] = Can.FIND | Can.COMMENT | Can.ATTACH | Can.LINK | Can.PROBLEM | Can.CHANGES | Can.SOLVE
    cascade_seconds: float = 10.0  # its rules run within the transaction; some sites let them run after it

    def __init__(self, name: str, settings: Settings, tools: SinkTools) -> None:
        self.name = name
        self.table = "incident"
        self.settle_after = settings.settle_after
        self.call_seconds = settings.timeout + MARGIN
        self.planned: Mapping[str, frozenset[str]] = {}
        self._settings = settings
        self._tools = tools
        self._talk = Talk(name, settings, tools)
        self._way: Way = Import(self._talk, settings.import_table) if settings.import_table else Live()
        # Whether records keep the sys_id that we choose ("yes"), or our correlation alone ("no"), or neither.
        self._kept = tools.memory.get(self._way.learns, "")
        self._no_batch_until = 0.0
        self._directory = Directory(self._talk.rows, tools.clock)
        login = settings.auth.username
        self._changes = Changes(self._talk, settings.url, settings.overlap, login, tools.clock)

    def __repr__(self) -> str:
        return f"ServiceNow({self.name!r}, {self._settings.url!r})"

    @property
    def parent_table(self) -> str:
        """Where the parents of incidents are."""
        return "problem" if self._settings.parent == "problem" else self.table

    def _desk(self, table: str) -> Desk:
        return Desk(self._settings.url.rstrip("/"), table, _PARENT[self._settings.parent])

    def _desk_of(self, write: Write) -> Desk:
        """Where this write goes: its key says whether to a parent."""
        return self._desk(write.key.table if write.key.table in self._tables else self.table)

    def _way_of(self, write: Write) -> Way:
        """An import brings what is old; the parent of an outage is new."""
        return self._way if self._desk_of(write).table == self.table else Live()

    # ── what the engine asks ─────────────────────────────────────────────────────────────────────────────────────

    def fields(self) -> Sequence[FieldSpec]:
        """The columns of incident and problem as delivered, and any `u_*` or `x_*`; for an import the times too."""
        return columns.FIELDS if isinstance(self._way, Live) else (*columns.FIELDS, *columns.TIMES)

    def check(self) -> Sequence[Finding]:
        """Ask the instance about credential, rights, columns, choices, groups and clock; writes nothing.

        Set `planned` first to the columns that a mapping writes, each with the literal values that it may send.
        """
        inspection = Inspection(self.name, self.table, self._talk.rows, self._directory, self.planned)
        findings = inspection.findings(lambda: self._talk.session, self._tools.clock)
        if self._settings.import_table:
            findings += inspection.importing(self._settings.import_table)
        return [*findings, *settling_finding(self.name, self.settle_after, SETTLE_AFTER)]

    def resolve(self, do: Do, fields: Mapping[str, Any]) -> Resolved:
        """Rendered fields as a body: people and groups become sys_ids. What cannot be resolved is left out, with a
        finding."""
        with translated(self.name, Effect.READ):
            return Body(self._directory, self._settings.unknown_caller).of(do, fields)

    def resolve_many(self, do: Do, each: Sequence[Mapping[str, Any]]) -> Sequence[Resolved]:
        """As `resolve`; whom they all name is looked up by a few queries first."""
        with translated(self.name, Effect.READ):
            if do in (Do.CREATE, Do.UPDATE):
                look_ahead(self._directory, each)
            return [Body(self._directory, self._settings.unknown_caller).of(do, fields) for fields in each]

    def read(self, remote_id: str, fields: Sequence[str]) -> Remote | None:
        """The record as it stands, or None where it is gone or hidden."""
        for table in self._tables:
            record = self._talk.record(table, remote_id, self._read_of(fields))
            if record is not None:
                return self._remote(table, record, fields)
        return None

    def read_many(self, remote_ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Remote]:
        """As `read`, many by one query; by a second one, where some are not among the incidents."""
        found: dict[str, Remote] = {}
        for table in self._tables:
            wanted = [remote_id for remote_id in remote_ids if remote_id not in found]
            rows = self._talk.named(table, wanted, self._read_of(fields)) if wanted else {}
            found.update((remote_id, self._remote(table, row, fields)) for remote_id, row in rows.items())
        return found

    def _read_of(self, fields: Sequence[str]) -> tuple[str, ...]:
        return (*columns.STATE_FIELDS, _PARENT[self._settings.parent], *_readable(fields))

    def create(self, write: Write) -> Receipt:
        """Make the record. The receipt has learned whether the instance honours our `sys_id`."""
        desk, way, shown = self._desk_of(write), self._way_of(write), self._shown([write])
        with self._talk.writing():
            result = self._talk.send(way.call(desk, write, shown))
            [record] = way.records(desk, [result], shown)
            receipt = self._made(write, record, alone=True)
            self._kept = receipt.learned.get(self._way.learns, self._kept)
            return receipt

    def update(self, write: Write) -> Receipt:
        """Change the columns of the body and no others."""
        return self._change(write)

    def comment(self, write: Write) -> Receipt:
        """Append to the customer-visible comments or to the work notes."""
        return self._change(write)

    def link(self, write: Write) -> Receipt:
        """Name the parent in the record's own column for it, or empty that."""
        return self._change(write)

    def attach(self, write: Write) -> Receipt:
        """Attach the file to the record."""
        asked = {
            "table_name": self._desk_of(write).table,
            "table_sys_id": checked_id(write.remote_id),
            "file_name": str(write.body["name"]),
        }
        headers = {"Content-Type": str(write.body.get("content_type") or "application/octet-stream")}
        with self._talk.writing():
            content = write.content() if write.content else b""
            self._talk.session.post("/api/now/attachment/file", params=asked, data=content, headers=headers)
            return file_receipt(self._talk.session.last.document["result"])

    def find(self, write: Write, control: Write | None) -> Look:
        """Look for what `write` would have made, by every way there is, and check each row that comes back."""
        return Looks(self._talk, self._desk_of(write), self._solver).find(write, control)

    def guards(self, write: Write, age: float) -> bool:
        """A second create meets the primary key where `sys_id`s are honoured; an update repeats without harm."""
        if write.do is Do.CREATE:
            return isinstance(self._way, Live) and self._kept == _YES
        return write.do in (Do.UPDATE, Do.LINK, Do.SOLVE)

    # ── the way back ─────────────────────────────────────────────────────────────────────────────────────────────

    def solve(self, write: Write) -> Receipt:
        """Bring an incident or a problem to resolved, through every state on the way."""
        with self._talk.writing():
            table, record = self._solver.solve(write)
            return self._desk(table).receipt(record, {})

    def changes(self, cursor: Mapping[str, str], known: Known) -> Iterator[ChangePage]:
        """Records by their time of change, then what was deleted, where this account may read that."""
        with translated(self.name, Effect.READ):
            yield from self._changes.pages(self._tables, cursor, known)

    def observe(self, remote_ids: Sequence[str]) -> Sequence[Change]:
        """These incidents and problems, by one query of each table."""
        with translated(self.name, Effect.READ):
            return self._changes.observe(self._tables, remote_ids)

    @property
    def _tables(self) -> tuple[str, ...]:
        """Where our records are, and where their parents."""
        return tuple(dict.fromkeys((self.table, self.parent_table)))

    @property
    def _solver(self) -> Solver:
        return Solver(self._talk, self._settings.solving, self._tables, self._user)

    def _user(self, login: str) -> str:
        found = self._directory.person({"login": login}, "solving.assignee") if login else ""
        return found if isinstance(found, str) else ""

    # ── parents ──────────────────────────────────────────────────────────────────────────────────────────────────

    def parent(self, ticket: Ticket, group: str, first: str) -> Mapping[str, Any]:
        """The columns of a problem, or of the incident that stands for one."""
        return parents.fields(ticket, group, first, self.parent_table)

    def raised(self, ticket: Ticket, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """Impact and urgency, from which the instance computes the priority."""
        return parents.raised(ticket, fields)

    # ── many at once ─────────────────────────────────────────────────────────────────────────────────────────────

    def most(self, do: Do) -> int:
        """Nothing goes beside the create whose echo tells how the instance keeps our key."""
        if do is Do.CREATE and not self._kept:
            return 0
        alone = do in (Do.ATTACH, Do.SOLVE) or (do is Do.CREATE and self._kept == _NEITHER)
        return 1 if alone or self._tools.clock.monotonic() < self._no_batch_until else batch.MOST

    def cost(self, writes: Sequence[Write]) -> Cost:
        """No header tells whether a rate rule counts the calls within a batch, so they are counted, and the batch."""
        if writes[0].do is Do.SOLVE:
            return {"": _STEPS}
        extra = self._way.extra if any(write.do is Do.CREATE for write in writes) else 0
        return {"": extra + (1 if len(writes) == 1 else len(writes) + 1)}

    def create_many(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        """Make many records by one batch.

        What the instance did not come to, and what found no room in the batch, is Transient, with the code
        `unserviced`. Where this account has no Batch API, a Permanent of the row's scope is raised: nothing was done,
        and each by itself may well go.
        """
        if not isinstance(self._way, Live) and any(self._desk_of(write).table != self.table for write in writes):
            return [self._outcome(lambda write, _: self.create(write), write, None) for write in writes]
        shown = self._shown(writes)
        with self._talk.writing():
            given = self._sent(writes, lambda write: self._way.call(self._desk_of(write), write, shown))
            made = [at for at, result in enumerate(given) if not isinstance(result, RemoteError)]
            records = self._way.records(self._desk(self.table), [given[at] for at in made], shown)
            for at, record in zip(made, records, strict=True):
                given[at] = self._outcome(self._made, writes[at], record)
        return self._learned(given)

    def update_many(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        """Change many records by one batch: updates, comments and links. Answers and raises as `create_many`."""
        with self._talk.writing():
            given = self._sent(writes, lambda write: self._desk_of(write).change(write))
            changed = [self._outcome(self._changed, *each) for each in zip(writes, given, strict=True)]
            return self._because_closed(writes, changed)

    def _sent(self, writes: Sequence[Write], call_of: Callable[[Write], Call | None]) -> list[Any]:
        """For each write the `result` of its call, None where there was nothing to send, or its error."""
        names, given, calls = [write.key.uuid for write in writes], dict[str, Any](), dict[str, Call]()
        for name, write in zip(names, writes, strict=True):
            try:
                call = call_of(write)
            except RemoteError as error:
                given[name] = error
                continue
            if call is not None:
                calls[name] = call
        if calls:
            try:
                given.update(self._talk.send_many(calls))
            except NoBatch:
                self._no_batch_until = self._tools.clock.monotonic() + _NO_BATCH
                raise
        return [given.get(name) for name in names]

    def _outcome(self, receipt_of: Callable[[Write, Any], Receipt], write: Write, result: Any) -> Outcome:
        try:
            if isinstance(result, RemoteError):
                return result
            with translated(self.name, Effect.WRITE):
                return receipt_of(write, result)
        except RemoteError as error:
            return error

    def _learned(self, given: Sequence[Any]) -> Sequence[Outcome]:
        """What the echoes say together of our `sys_id`: one that was dropped outweighs those that were kept."""
        name = self._way.learns
        words = {outcome.learned[name] for outcome in given if isinstance(outcome, Receipt)}
        if not words:
            return given
        self._kept = _NO if _NO in words else _YES
        if len(words) == 1:
            return given
        said = {name: self._kept}
        return [replace(outcome, learned=said) if isinstance(outcome, Receipt) else outcome for outcome in given]

    # ── what comes back ──────────────────────────────────────────────────────────────────────────────────────────

    def _shown(self, writes: Sequence[Write]) -> tuple[str, ...]:
        """The columns that an echo must show: all that were sent, and those that stay empty now too, so that what an
        analyst fills in is seen as theirs later."""
        sent = dict.fromkeys(name for write in writes for name in write.body)
        return tuple(dict.fromkeys((*columns.STATE_FIELDS, *KEY_FIELDS, *sent, *self.planned)))

    def _made(self, write: Write, record: Any, alone: bool = False) -> Receipt:
        """A record that was made. Of several, each must show our `sys_id` or our key: one that shows neither is
        another's echo, unless the call was made `alone`."""
        if isinstance(record, RemoteError):
            raise record
        kept = _YES if named(record) == write.key.uuid else _NO if carries(record, write.key) else _NEITHER
        if kept == _NEITHER and not (alone and isinstance(self._way, Live)):
            raise wire.verdict(Seen.GARBLED, Effect.WRITE, self.name)
        receipt = self._desk_of(write).receipt(
            record, write.body, (*write.body, *self.planned), {self._way.learns: kept}
        )
        if kept != _NEITHER:
            return receipt
        lost = {"correlation_id": (write.key.remote, columns.plain(record.get("correlation_id")))}
        return replace(receipt, unkept={**receipt.unkept, **lost})

    def _change(self, write: Write) -> Receipt:
        call = self._desk_of(write).change(write)
        if call is None:
            return Receipt(write.remote_id)
        with self._talk.writing():
            try:
                return self._changed(write, self._talk.send(call))
            except Permanent as error:
                [found] = self._because_closed([write], [error])
                raise found from None

    def _changed(self, write: Write, record: Any) -> Receipt:
        if record is None:  # there was nothing to change
            return Receipt(write.remote_id)
        if named(record) != write.remote_id:
            raise wire.verdict(Seen.GARBLED, Effect.WRITE, self.name)
        if write.do is Do.COMMENT:
            return Receipt(write.key.marker)
        desk = self._desk_of(write)
        return desk.receipt(record, desk.changes(write))

    def _because_closed(self, writes: Sequence[Write], given: Sequence[Outcome]) -> list[Any]:
        """A refusal does not say that the record is closed; the record does."""
        refused = [isinstance(outcome, Permanent) and outcome.code == Seen.REFUSED for outcome in given]
        ids = [write.remote_id for write, was in zip(writes, refused, strict=True) if was]
        try:
            found = self.read_many(ids, ()) if ids else {}
        except RemoteError:
            found = {}
        return [
            self._closed(outcome) if was and write.remote_id in found and found[write.remote_id].closed else outcome
            for write, outcome, was in zip(writes, given, refused, strict=True)
        ]

    def _closed(self, outcome: Any) -> RemoteError:
        return wire.verdict(Seen.CLOSED, Effect.WRITE, self.name, status=outcome.status)

    def _remote(self, table: str, record: Mapping[str, Any], fields: Sequence[str]) -> Remote:
        state = columns.plain(record.get("state"))
        return Remote(
            named(record),
            columns.echo(record, fields),
            columns.plain(record.get("number")),
            resolved=state in columns.RESOLVED.get(table, ()),
            closed=state in columns.CLOSED.get(table, ()),
            problem=columns.plain(record.get(_PARENT[self._settings.parent])),
        )


def _readable(fields: Sequence[str]) -> list[str]:
    return [name for name in fields if name not in columns.JOURNALS]
