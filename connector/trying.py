"""Mappings tried before anything is sent: what is in use, what they may name, and what they make of a record."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from connector import config
from connector.config import Settings
from connector.engine.collect import understand
from connector.engine.plan import render_ticket
from connector.engine.wiring import Inlet, Wiring
from connector.errors import ConnectorError, Finding, NoSuchTicket, SettingsError
from connector.fields import look_up, paths
from connector.ledger import people, views
from connector.mapping import messages
from connector.mapping.derived import NAMES
from connector.phi import clear
from connector.plugins import Counted, Do, Record, Rejected, Reply, SourceTools
from connector.ticket import Ticket


def in_use(settings: Settings, wiring: Wiring) -> dict[str, Any]:
    """The mappings that are in use; loading has checked them. Raises SettingsError where a message is wrong."""
    messages.load(settings.base / settings.answers.messages)
    return {
        name: {"mapping": str(outlet.mapping.path), "table": outlet.mapping.table, "fields": len(outlet.mapping.names)}
        for name, outlet in wiring.outlets.items()
    }


def fields(wiring: Wiring, sink: str | None) -> list[dict[str, Any]]:
    """What a mapping may write to a sink, or read of a ticket."""
    if sink is None:
        shapes = {path: look_up(path, NAMES) for path in paths(NAMES)}
        return [{"field": path, "label": str(it), "choices": list(it.members)} for path, it in shapes.items()]
    outlet = config.chosen("sink", wiring.outlets, [sink])[0]
    return [
        {"field": spec.name, "label": spec.label, "choices": sorted(spec.choices or ())}
        for spec in outlet.sink.fields()
    ]


def preview(settings: Settings, wiring: Wiring, name: str, sink: str | None) -> dict[str, Any]:
    """What a ticket of the ledger, or the records of a file, would become; the exit code is 1 where one is rejected.

    Raises NoSuchTicket where `name` is neither, and SettingsError for a file that no source can read.
    """
    path = Path(name)
    if path.is_file():
        records = [_previewed(wiring, *item, sink) for item in _records(settings, wiring, path)]
        return {"records": records, "exit_code": int(any(record["outcome"] == "rejected" for record in records))}
    body, fixed, group = views.body_of(wiring.db, _ticket(wiring, path, name))
    own = Ticket.model_validate_json(body)
    record = _rendered(wiring, f"{own.source}:{own.external_id}", own, sink or fixed, group)
    return {"records": [record], "exit_code": 0}


def _ticket(wiring: Wiring, path: Path, name: str) -> int:
    try:
        return people.find_ticket(wiring.db, name)
    except NoSuchTicket:
        if path.is_dir():
            raise NoSuchTicket(f"{name} is a folder", "name one file in it") from None
        if ":" in name:
            raise
        remedy = "name a file with a record, or a ticket by SOURCE:EXTERNAL_ID or its remote number"
        raise NoSuchTicket(f"there is no file {name}, and no ticket of that name", remedy) from None


def _records(settings: Settings, wiring: Wiring, path: Path) -> list[tuple[Inlet, Record]]:
    """The file's records, as the source reads it that makes most of it; of several, the one whose channel it is in."""
    found = {inlet.name: list(_records_of(settings, inlet, path)) for inlet in wiring.inlets.values()}
    best = max(
        wiring.inlets.values(),
        key=lambda inlet: (_understood(inlet, found[inlet.name]), _own(settings, inlet, path), bool(found[inlet.name])),
    )
    if not found[best.name]:
        raise SettingsError([Finding("no-record", str(path), "no source finds a record in it", "name another file")])
    return [(best, record) for record in found[best.name]]


def _understood(inlet: Inlet, records: list[Record]) -> int:
    return sum(isinstance(inlet.source.read(record), Ticket | Reply) for record in records)


def _own(settings: Settings, inlet: Inlet, path: Path) -> bool:
    """Does the source's own `path` lead to this file?"""
    own = settings.sources[inlet.name].get("path")
    ways = glob.glob(str(settings.base / str(own))) if own else ()
    return any(path.resolve().is_relative_to(Path(way).resolve()) for way in ways)


def _records_of(settings: Settings, inlet: Inlet, path: Path) -> Iterator[Record]:
    """The records of one file, as this source reads it."""
    plugin = type(inlet.source)
    other_ways = set(getattr(plugin.settings, "ways_in", ()))
    raw = {name: value for name, value in settings.sources[inlet.name].items() if name not in other_ways}
    checked = config.plugin_settings("source", inlet.name, {**raw, "path": str(path.resolve())}, plugin.settings)
    try:
        for page in plugin(inlet.id, checked, SourceTools(settings.base)).pages({}):
            yield from page.records
    except ConnectorError:
        return


def _previewed(wiring: Wiring, inlet: Inlet, record: Record, sink: str | None) -> dict[str, Any]:
    taken = understand(wiring, inlet, record)
    match taken.reading:
        case Ticket() as own:
            return _rendered(wiring, record.place, own, sink or taken.sink, taken.group)
        case Reply() as reply:
            return _rendered(wiring, record.place, reply.ticket, sink or taken.sink, taken.group, "reply")
        case Counted(reason):
            return _none(record, "counted", f"counted: {reason}")
        case Rejected(finding):
            return _none(record, "rejected", f"rejected by source {inlet.name}: {finding.what}", finding.remedy)


def _none(record: Record, outcome: str, *why: str) -> dict[str, Any]:
    return {"record": record.place, "outcome": outcome, "sink": None, "fields": [], "findings": [*filter(None, why)]}


def _rendered(wiring: Wiring, name: str, own: Ticket, sink: str, group: str, outcome: str = "ticket") -> dict[str, Any]:
    outlet = config.chosen("sink", wiring.outlets, [sink])[0]
    rendered = render_ticket(wiring, outlet, clear(own, outlet.clearance), Do.CREATE, group)
    rows = [
        {"field": field, "value": value, "from": rendered.origins.get(field, "")}
        for field, value in rendered.fields.items()
    ]
    findings = [str(finding) for finding in rendered.findings]
    return {"record": name, "outcome": outcome, "sink": sink, "fields": rows, "findings": findings}
