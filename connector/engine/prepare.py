"""Prepare: everything that must be known before a delivery is claimed. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from connector.delivery import ClosedPolicy, changes
from connector.engine.plan import rendered_row
from connector.engine.wiring import Outlet, Wiring
from connector.errors import Finding
from connector.ledger import deliveries
from connector.ledger.deliveries import Delivery
from connector.plugins import Do, Key, Remote, Write


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


def prepare(wiring: Wiring, outlet: Outlet, row: Delivery) -> Prepared:
    """Decide what to send, by reading what the remote has now. Raises RemoteError."""
    if row.do is Do.CREATE:
        return _create(wiring, outlet, row)
    if row.linked is None:
        return Over("its ticket was never made at this sink")
    if row.do is Do.UPDATE and _says_nothing_new(row.payload or {}, row.linked.sent):
        return Over("nothing that is mapped has changed")
    if row.do is Do.ATTACH and not outlet.files:
        return Over(f"files are withheld from {outlet.name} by now")
    remote = outlet.sink.read(row.linked.remote_id, sorted(row.payload or {}) if row.do is Do.UPDATE else ())
    if remote is None:
        return Held(
            Finding("gone", row.name, f"{_named(row)} is gone from {outlet.name}", "drop it, or restore the record")
        )
    if remote.closed and _is_automatic(row):
        return Over("a machine said it, and the record is closed")
    if remote.closed:
        return _closed(outlet, row)
    if row.do is Do.UPDATE:
        return _update(wiring, outlet, row, remote)
    return _append(wiring, outlet, row, remote)


def _says_nothing_new(rendered: Mapping[str, Any], sent: Mapping[str, Any]) -> bool:
    # Asked only now, when nothing older of this ticket is under way: an unsure update may have changed what is there.
    return all(name in sent and sent[name] == value for name, value in rendered.items())


def key_of(wiring: Wiring, outlet: Outlet, row: Delivery) -> Key:
    """The delivery's key."""
    return wiring.key(row.source, row.external_id, outlet.mapping.table, row.part)


def write_of(wiring: Wiring, outlet: Outlet, row: Delivery, body: Mapping[str, Any]) -> Write:
    """The write that this delivery is, with this body."""
    sha256 = str(body.get("sha256", ""))
    content = (lambda: deliveries.content(wiring.db, sha256)) if row.do is Do.ATTACH else None
    key = key_of(wiring, outlet, row)
    return Write(row.do, key, body, row.payload or {}, row.remote_id, content)


def age_of(wiring: Wiring, row: Delivery) -> float:
    """Seconds since the first attempt: a key that the remote keeps for a while counts from there."""
    first = deliveries.first_sent(wiring.db, row)
    return wiring.clock.wall() - first if first is not None else float("inf")


def spelt_out(wiring: Wiring, outlet: Outlet, row: Delivery) -> Delivery:
    """The delivery with payload and body, made now where it was never sent from here. Raises RemoteError."""
    if row.body is not None:
        return row
    payload = row.payload if row.payload is not None else rendered_row(wiring, outlet, row).payload or {}
    body = payload if row.do is Do.ATTACH else outlet.sink.resolve(row.do, payload).body
    return replace(row, payload=payload, body=body)


def _create(wiring: Wiring, outlet: Outlet, row: Delivery) -> Prepared:
    payload = row.payload or {}
    if row.body is not None:  # claimed before: the same bytes again
        write = write_of(wiring, outlet, row, row.body)
        if row.empty_since is not None and not outlet.sink.guards(write, age_of(wiring, row)):
            return Doubt("the remote would not refuse a second copy any more; looking again")
        return Ready(write, payload)
    resolved = outlet.sink.resolve(Do.CREATE, payload)
    return Ready(write_of(wiring, outlet, row, resolved.body), payload, findings=resolved.findings)


def _update(wiring: Wiring, outlet: Outlet, row: Delivery, remote: Remote) -> Prepared:
    assert row.linked is not None  # noqa: S101 - `prepare` has seen to it
    merged = frozenset(spec.name for spec in outlet.sink.fields() if spec.merged)
    linked = row.linked
    decided = changes(row.payload or {}, linked.sent, linked.echo, remote.fields, outlet.mapping.owned, merged)
    if not decided.send:
        return Over(_left(decided.left) or "nothing that is mapped has changed")
    resolved = outlet.sink.resolve(Do.UPDATE, decided.send)
    body = dict(resolved.body)
    if _reopens(outlet, remote):
        body["reopen"] = True
    fields = {name: (row.payload or {})[name] for name in decided.send}
    return Ready(write_of(wiring, outlet, row, body), fields, decided.left, resolved.findings)


def _append(wiring: Wiring, outlet: Outlet, row: Delivery, remote: Remote) -> Prepared:
    body = dict(row.body if row.body is not None else row.payload or {})
    if row.do is Do.COMMENT and _reopens(outlet, remote) and not _is_automatic(row):
        body["reopen"] = True
    return Ready(write_of(wiring, outlet, row, body), {})


def _is_automatic(row: Delivery) -> bool:
    return bool(row.what and row.what.get("automatic"))


def _closed(outlet: Outlet, row: Delivery) -> Prepared:
    assert row.linked is not None  # noqa: S101 - `prepare` has seen to it
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
