"""Prepare: everything that must be known before a delivery is claimed. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from connector.delivery import ClosedPolicy, changes
from connector.engine.attempt import puzzled
from connector.engine.plan import rendered_row
from connector.engine.wiring import Outlet, Wiring
from connector.errors import Finding, RemoteError, Scope
from connector.ledger import deliveries, problems
from connector.ledger.database import LedgerError
from connector.ledger.deliveries import Delivery
from connector.plugins import PROBLEM, Do, Key, Parents, Remote, Write


@dataclass(frozen=True, slots=True)
class Ready:
    """May be claimed and sent. `fields` is what of the rendered payload will be there afterwards."""

    write: Write
    fields: Mapping[str, Any] = field(repr=False)
    left: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Over:
    """There is nothing to send; the delivery ends."""

    note: str


@dataclass(frozen=True, slots=True)
class Held:
    """A person must look first."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class Follow:
    """The record is closed: a follow-up ticket takes over."""

    closed: str


@dataclass(frozen=True, slots=True)
class Doubt:
    """It was believed absent because the remote would refuse a second copy, and by now it would not."""

    note: str


Prepared = Ready | Over | Held | Follow | Doubt


def prepare(wiring: Wiring, outlet: Outlet, rows: Sequence[Delivery]) -> list[Prepared | RemoteError]:
    """Decide what to send for each row, by reading what the remote has now; same length, same order.

    An error in a row's place says that the remote could not be asked about it.
    """
    if len(rows) > 1:
        try:
            return _prepared(wiring, outlet, rows)
        except (SQLAlchemyError, LedgerError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever one row did must not befall the others
            if isinstance(error, RemoteError) and error.scope is Scope.ACCOUNT:
                return [error] * len(rows)
    return [_alone(wiring, outlet, row) for row in rows]


def _alone(wiring: Wiring, outlet: Outlet, row: Delivery) -> Prepared | RemoteError:
    try:
        return _prepared(wiring, outlet, [row])[0]
    except RemoteError as error:
        return error
    except (SQLAlchemyError, LedgerError):
        raise
    except Exception as error:  # noqa: BLE001 - a plugin's bug over one row must not stop the others
        return puzzled(row, error)


def _prepared(wiring: Wiring, outlet: Outlet, rows: Sequence[Delivery]) -> list[Prepared | RemoteError]:
    """Raises whatever the sink raises."""
    settled = [_without_looking(wiring, outlet, row) for row in rows]
    looking = [row for row, known in zip(rows, settled, strict=True) if known is None]
    there = _as_they_stand(outlet, [row for row in looking if row.do is not Do.CREATE])
    drafts = iter([_draft(wiring, outlet, row, there.get(row.id)) for row in looking])
    drafted = [known if known is not None else next(drafts) for known in settled]
    return _resolved(wiring, outlet, drafted)


@dataclass(frozen=True, slots=True)
class Draft:
    """What will be sent once the names in `said` are looked up, together with `besides`. `fields` as in Ready."""

    row: Delivery
    said: Mapping[str, Any] = field(repr=False)
    fields: Mapping[str, Any] = field(repr=False)
    left: tuple[str, ...] = ()
    besides: Mapping[str, Any] = field(default_factory=dict, repr=False)


def _without_looking(wiring: Wiring, outlet: Outlet, row: Delivery) -> Prepared | Draft | None:
    """What is known of a row before the remote is asked, or None."""
    if row.do is Do.CREATE:
        return _create(wiring, outlet, row)
    if row.do is Do.NOTIFY:
        return Ready(write_of(wiring, outlet, row, row.body if row.body is not None else row.payload or {}), {})
    if row.linked is None:
        return Over("its ticket was never made at this sink")
    if row.do is Do.UPDATE and _says_nothing_new(row.payload or {}, row.linked.sent):
        return Over("nothing that is mapped has changed")
    if row.do is Do.ATTACH and not outlet.files:
        return Over(f"files are withheld from {outlet.name} by now")
    return None


def _as_they_stand(outlet: Outlet, rows: Sequence[Delivery]) -> dict[int, Remote]:
    """The records that the rows are about, by the row's id; what is gone is missing."""
    ids = {row.id: row.linked.remote_id for row in rows if row.linked}
    names = sorted({name for row in rows if row.do is Do.UPDATE for name in row.payload or {}})
    if len(ids) == 1:
        [remote_id] = ids.values()
        one = outlet.sink.read(remote_id, names)
        found = {} if one is None else {remote_id: one}
    else:
        found = dict(outlet.sink.read_many(list(dict.fromkeys(ids.values())), names)) if ids else {}
    return {row_id: found[remote_id] for row_id, remote_id in ids.items() if remote_id in found}


def _draft(wiring: Wiring, outlet: Outlet, row: Delivery, remote: Remote | None) -> Prepared | Draft:
    if row.do is Do.SOLVE and (remote is None or remote.resolved or remote.closed):
        return Over(f"{_named(row)} is over already" if remote else f"{_named(row)} is gone")
    if remote is None:
        gone = f"{_named(row)} is gone from {outlet.name}"
        return Held(Finding("gone", row.name, gone, "drop it, or restore the record"))
    if row.do is Do.LINK:
        return _link(wiring, outlet, row, remote)
    if remote.closed and _is_automatic(row):
        return Over("a machine said it, and the record is closed")
    if remote.closed:
        return _closed(outlet, row)
    if row.do is Do.UPDATE:
        return _update(outlet, row, remote)
    return _append(wiring, outlet, row, remote)


def _resolved(wiring: Wiring, outlet: Outlet, drafted: Sequence[Prepared | Draft]) -> list[Prepared | RemoteError]:
    """Every draft becomes ready to send, with few questions for all."""
    made: dict[int, Ready] = {}
    for do in (Do.CREATE, Do.UPDATE):
        drafts = [each for each in drafted if isinstance(each, Draft) and each.row.do is do]
        if not drafts:
            continue
        said = [draft.said for draft in drafts]
        found = [outlet.sink.resolve(do, said[0])] if len(said) == 1 else outlet.sink.resolve_many(do, said)
        for draft, resolved in zip(drafts, found, strict=True):
            write = write_of(wiring, outlet, draft.row, {**resolved.body, **draft.besides})
            made[draft.row.id] = Ready(write, draft.fields, draft.left, resolved.findings)
    return [made[each.row.id] if isinstance(each, Draft) else each for each in drafted]


def _says_nothing_new(rendered: Mapping[str, Any], sent: Mapping[str, Any]) -> bool:
    # Asked only now, when nothing older of this ticket is under way: an unsure update may have changed what is there.
    return all(name in sent and sent[name] == value for name, value in rendered.items())


def key_of(wiring: Wiring, outlet: Outlet, row: Delivery) -> Key:
    """The delivery's key."""
    sink = outlet.sink
    table = sink.parent_table if row.source == PROBLEM and isinstance(sink, Parents) else outlet.mapping.table
    return wiring.key(row.source, row.external_id, table, row.part)


def write_of(wiring: Wiring, outlet: Outlet, row: Delivery, body: Mapping[str, Any]) -> Write:
    """The write that this delivery is, with this body."""
    sha256 = str(body.get("sha256", ""))
    content = (lambda: deliveries.content(wiring.db, sha256)) if row.do is Do.ATTACH else None
    key = key_of(wiring, outlet, row)
    return Write(row.do, key, body, row.payload or {}, row.remote_id, content, row.job)


def age_of(wiring: Wiring, row: Delivery) -> float:
    """Seconds since the first attempt: a key that the remote keeps for a while counts from there."""
    first = deliveries.first_sent(wiring.db, row)
    return wiring.clock.wall() - first if first is not None else float("inf")


def spelt_out(wiring: Wiring, outlet: Outlet, row: Delivery) -> Delivery:
    """The delivery with payload and body, made now where it was never sent from here. Raises RemoteError."""
    if row.body is not None:
        return row
    payload = row.payload if row.payload is not None else rendered_row(wiring, outlet, row).payload or {}
    body = payload if row.do in (Do.ATTACH, Do.SOLVE) else outlet.sink.resolve(row.do, payload).body
    return replace(row, payload=payload, body=body)


def _create(wiring: Wiring, outlet: Outlet, row: Delivery) -> Prepared | Draft:
    payload = row.payload or {}
    if row.body is not None:  # claimed before: the same bytes again
        write = write_of(wiring, outlet, row, row.body)
        if row.empty_since is not None and not outlet.sink.guards(write, age_of(wiring, row)):
            return Doubt("the remote would not refuse a second copy any more; looking again")
        return Ready(write, payload)
    return Draft(row, payload, payload)


def _update(outlet: Outlet, row: Delivery, remote: Remote) -> Prepared | Draft:
    assert row.linked is not None  # noqa: S101 - `_without_looking` has seen to it
    merged = frozenset(spec.name for spec in outlet.sink.fields() if spec.merged)
    linked = row.linked
    decided = changes(row.payload or {}, linked.sent, linked.echo, remote.fields, outlet.mapping.owned, merged)
    if not decided.send:
        return Over(_left(decided.left) or "nothing that is mapped has changed")
    fields = {name: (row.payload or {})[name] for name in decided.send}
    return Draft(row, decided.send, fields, decided.left, {"reopen": True} if _reopens(outlet, remote) else {})


def _link(wiring: Wiring, outlet: Outlet, row: Delivery, remote: Remote) -> Prepared:
    """An end to a link too. What is closed stays as it is, and so does what somebody else has linked elsewhere."""
    body = dict(row.payload or {})
    wanted = str(body.get("problem") or "")
    if remote.problem == wanted:
        return Over("it hangs there already" if wanted else "it hangs on nothing")
    if remote.closed:
        return Over(f"{_named(row)} is closed; left alone")
    if remote.problem and not problems.is_ours(wiring.db, outlet.name, remote.problem):
        return Over("somebody has linked it to another problem there; left alone")
    return Ready(write_of(wiring, outlet, row, row.body if row.body is not None else body), {})


def _append(wiring: Wiring, outlet: Outlet, row: Delivery, remote: Remote) -> Prepared:
    body = dict(row.body if row.body is not None else row.payload or {})
    if row.do is Do.COMMENT and _reopens(outlet, remote) and not _is_automatic(row):
        body["reopen"] = True
    return Ready(write_of(wiring, outlet, row, body), {})


def _is_automatic(row: Delivery) -> bool:
    return bool(row.what and row.what.get("automatic"))


def _closed(outlet: Outlet, row: Delivery) -> Prepared:
    assert row.linked is not None  # noqa: S101 - `_without_looking` has seen to it
    if outlet.mapping.closed is ClosedPolicy.FOLLOW_UP:
        return Follow(row.linked.remote_id)
    remedy = f"reopen it there and run: connector release {row.name}; or say `closed: follow_up` in the mapping"
    return Held(Finding("closed", row.name, f"{_named(row)} is closed at {outlet.name}", remedy))


def _reopens(outlet: Outlet, remote: Remote) -> bool:
    return remote.resolved and outlet.mapping.closed is ClosedPolicy.REOPEN


def _left(names: tuple[str, ...]) -> str:
    return f"left alone, changed there since: {', '.join(names)}" if names else ""


def _named(row: Delivery) -> str:
    return row.linked.number or row.linked.remote_id if row.linked else row.name
