"""The generic button payload: one JSON object with `description` and, as far as known, who, where and what.

Unknown keys are kept under `extra`; a missing description is the only thing that makes it unreadable.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from connector.sources.build_records import Sorted, code_of
from connector.sources.carried import carried
from connector.sources.document import Unreadable
from connector.sources.ehr_button.format import Origin
from connector.sources.ehr_button.settings import EhrButtonSettings
from connector.sources.given import Given, moment, second, texts, tidied
from connector.sources.identity import external_id, hashed
from connector.sources.people import one, people, person
from connector.sources.text import clean, line, word_of
from connector.ticket import EMPTY_PHI, BuildRecord, Channel, Context, Impact, Location, Phi, Ticket, Urgency

_SOURCE = {
    **{name: name for name in ("system", "tenant", "environment", "application", "server")},
    "app_version": "version",
}
_DEVICE = {name: name for name in ("workstation", "ip", "session_recording_id")}
_SCREEN = {name: name for name in ("workspace", "activity")}
_PLACE = {name: name for name in ("facility", "unit", "room")}
_PATIENT = {"encounter_id": "encounter", **{name: name for name in ("mrn", "fhir_id", "name", "birth_date")}}
KEYS = frozenset(
    {"schema_version", "request_id", "source", "submitted_at", "summary", "description", "error_text", "issue_type"}
    | {"impact", "urgency", "patient_care_affected", "requester", "on_behalf_of", "watchers", "device", "location"}
    | {"screen", "records", "patient", "smart", "steps_tried", "attachments", "screenshot", "extra"}
)
"""What may stand at the top of a generic payload."""
_SMART = {"patient": "fhir_id", "encounter": "encounter"}
_CODES = re.compile(r"\b(?:0x[0-9A-Fa-f]{4,16}|(?:ORA|TNS|SQL|HTTP|ERR|LDAP|RDP|ICA|JAVA)[- ]\d{2,6})\b")
_PICTURE = re.compile(r"data:image/[\w.+-]{1,60};base64,[A-Za-z0-9+/=_-]{16,}")
_QUERY = re.compile(r"[?#]")
_STEPS = 20
_RECORDS = 100


def matches(payload: Mapping[str, Any], settings: EhrButtonSettings) -> bool:
    """Any object may be one: formats with a shape of their own are asked before."""
    return True


def reading(payload: Mapping[str, Any], origin: Origin, settings: EhrButtonSettings) -> Ticket:
    """The request in a generic button payload; raises Unreadable where it describes nothing."""
    given = Given(payload)
    asked = given.look("submitted_at")
    submitted = moment(asked, settings.zone)
    if submitted:
        given.value("submitted_at")
    context, address = _context(given)
    who, nobody = _people(given, settings)
    said, pictures = _said(given)
    files = carried([*given.items("attachments"), *_shots(given), *pictures], settings.attachment_bytes)
    named, odd = _named(given, settings)
    text = "\n".join((said["summary"], said["description"], context.error_text, *said["steps_tried"]))
    records = settings.codes.sort([*named, *settings.codes.found(text)])
    return Ticket(
        source=origin.source,
        external_id=_identity(given, origin, context, who["requester"].login, asked),
        channel=Channel.BUTTON,
        context=context,
        records=records.build,
        attachments=files.files,
        submitted_at=submitted,
        received_at=origin.received_at,
        notes=(*_notes(given, records, settings), *files.notes),
        phi=_phi(given, records, address),
        **said,
        **who,
        **_sort(given, settings),
        extra=_extra(given, {"attachments": files.left, "records": odd, "watchers": nobody}),
    )


def _said(given: Given) -> tuple[dict[str, Any], list[Any]]:
    """What was written, and the pictures that were pasted into it."""
    written = given.look("description")
    pictures = list(_PICTURE.findall(written)) if isinstance(written, str) and "data:image/" in written else []
    description = given.text("description") if not pictures else clean(_PICTURE.sub("[picture]", written))
    if not description:
        raise Unreadable("no-description", "it has no description", "the button must send what the person wrote")
    tried = [*given.items("steps_tried"), *given.inner("extra").items("steps_tried")]
    said = {
        "summary": line(given.text("summary") or description),
        "description": description,
        "steps_tried": tuple(texts(tried, _STEPS, 500)),
    }
    return said, [{"content_base64": picture} for picture in pictures]


def _shots(given: Given) -> list[Any]:
    """What is under `screenshot`: files, or the bare content of files."""
    return [{"content_base64": shot} if isinstance(shot, str) else shot for shot in given.items("screenshot")]


def _context(given: Given) -> tuple[Context, str]:
    """Where it happened, and the screen's whole address where it was cut: a query may name the patient."""
    source, screen, error_text = given.inner("source").words(_SOURCE), given.inner("screen"), given.text("error_text")
    if "tenant" not in source:
        source["tenant"] = given.inner("smart").word("tenant")
    address = screen.text("url", 2000)
    plain = _QUERY.split(address, maxsplit=1)[0]
    context = Context(
        url=plain,
        error_text=error_text,
        error_codes=tuple(dict.fromkeys(_CODES.findall(error_text)))[:_STEPS],
        location=Location(**given.inner("location").words(_PLACE)),
        **source,
        **given.inner("device").words(_DEVICE),
        **screen.words(_SCREEN),
    )
    return context, address if address != plain else ""


def _people(given: Given, settings: EhrButtonSettings) -> tuple[dict[str, Any], list[Any]]:
    requester = person(given.inner("requester"), settings.person, given.inner("smart").word("fhirUser"))
    watchers, left = people(given.items("watchers"), settings.person)
    beneficiary, rest = one(given.value("on_behalf_of"), settings.person)
    left.extend([] if rest is None else [rest])
    return {"requester": requester, "on_behalf_of": beneficiary, "watchers": watchers}, left


def _sort(given: Given, settings: EhrButtonSettings) -> dict[str, Any]:
    """What sort of ticket it is. A type that the table does not know stays under `extra`: it may be free text."""
    sort: dict[str, Any] = {
        "impact": given.choice("impact", Impact) or Impact.USER,
        "urgency": given.choice("urgency", Urgency) or Urgency.MEDIUM,
        "patient_care": given.flag("patient_care_affected"),
    }
    said = str(given.look("issue_type") or "")
    known = settings.issue_type(said)
    if known is not None:
        given.value("issue_type")
        sort.update(kind=known.kind, category=known.category, tags=(word_of(said[:80]),))
    return sort


def _named(given: Given, settings: EhrButtonSettings) -> tuple[list[BuildRecord], list[Any]]:
    """The records that are listed, and what of the list names none."""
    items = given.items("records")
    named: list[BuildRecord] = []
    odd = items[_RECORDS:]
    for item in items[:_RECORDS]:
        if isinstance(item, str):
            named.extend(settings.codes.found(item))
        entry = Given(item if isinstance(item, dict) else {"record": item})
        kind, identity = entry.word("type"), entry.word("id")
        if kind and identity:
            named.append(BuildRecord(type=code_of(kind), id=identity, name=entry.word("name")))
            odd.extend([rest] if (rest := entry.left()) else [])
        else:
            odd.append(item)
    return named, odd


def _phi(given: Given, records: Sorted, address: str) -> Phi:
    value = given.value("patient")
    patient, smart = Given(value if isinstance(value, dict) else {"patient": value}), given.inner("smart")
    known = patient.words(_PATIENT)
    known["note"] = patient.text("note")
    known.update(smart.words({name: own for name, own in _SMART.items() if own not in known}))
    others = {name: _as_text(value) for name, value in patient.left().items() if value is not None}
    if address:
        others["url"] = address
    if not (any(known.values()) or others or records.patient):
        return EMPTY_PHI
    return Phi(records=records.patient, extra=others, **known)


def _identity(given: Given, origin: Origin, context: Context, login: str, asked: Any) -> str:
    """The request's own id; else who asked, where, when; else the place of its record."""
    request = given.word("request_id")
    if request:
        return external_id(context.tenant, context.system, request)
    if (login or context.workstation) and (when := second(asked)):
        return hashed(context.tenant, context.system, login, context.workstation, when)
    return f"file/{origin.place}"


def _notes(given: Given, records: Sorted, settings: EhrButtonSettings) -> Iterator[str]:
    if given.look("submitted_at") is not None:
        yield "submitted_at is not a time; it is kept under extra"
    if any(record.type not in settings.codes.patient for record in records.patient):
        yield "a record's type is in no list of codes; it is kept with the patient data (see build_codes)"


def _extra(given: Given, odd: Mapping[str, list[Any]]) -> dict[str, Any]:
    """What nobody took: the payload's own `extra`, its unknown keys, and the odd members of lists, side by side."""
    given.value("schema_version")
    left = given.left()
    own = left.pop("extra", {})
    extra: dict[str, Any] = own if isinstance(own, dict) else {"extra": own}
    for name, value in (*left.items(), *((name, tidied(members)) for name, members in odd.items() if members)):
        if value is not None:
            extra[name if name not in extra else f"{name} (payload)"] = value
    return extra


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
