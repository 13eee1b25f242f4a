"""From FHIR resources to a ticket: the request is filled into a generic payload, element by element.

The elements are those of HL7 FHIR R4 Task, Communication and QuestionnaireResponse. What a Task says in its inputs is
understood by the same table of keys as a flat context.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connector.plugins import Counted, Reading
from connector.sources.document import Unreadable
from connector.sources.ehr_button import generic
from connector.sources.ehr_button.fhir.files import attach, without_files
from connector.sources.ehr_button.fhir.people import (
    described,
    fill_encounter,
    fill_location,
    fill_patient,
    fill_requester,
)
from connector.sources.ehr_button.fhir.resources import REQUESTS, Resource, Resources
from connector.sources.ehr_button.fhir.values import (
    Json,
    concept,
    concept_words,
    identifiers,
    objects,
    text,
    type_of,
    value_of,
)
from connector.sources.ehr_button.form import Form
from connector.sources.ehr_button.format import Origin
from connector.sources.ehr_button.settings import EhrButtonSettings
from connector.sources.identity import external_id
from connector.ticket import Ticket

_OVER = frozenset({"cancelled", "entered-in-error"})
_URGENCY: Mapping[str, str] = {"stat": "high", "asap": "high", "urgent": "high", "routine": "medium"}
_SORTS = {"Task": ("code",), "Communication": ("topic", "category"), "QuestionnaireResponse": ()}
_TIMES = {"Task": "authoredOn", "Communication": "sent", "QuestionnaireResponse": "authored"}
_ASKING = {"Task": ("requester",), "Communication": ("sender",), "QuestionnaireResponse": ("author", "source")}
_ABOUT = {"Task": "for", "Communication": "subject", "QuestionnaireResponse": "subject"}
_RESTRICTED = ("R", "V")  # confidentiality codes of HL7 v3: restricted, very restricted
_THINGS = frozenset({"Group", "Location", "Device", "Encounter", "Organization"})
_READ = frozenset(
    {"resourceType", "id", "meta", "text", "contained", "identifier", "status", "intent", "priority", "encounter"}
    | {"code", "topic", "category", "authoredOn", "sent", "authored", "requester", "sender", "author", "source", "for"}
    | {"subject", "description", "payload", "note", "reasonCode", "input", "item", "location", "lastModified"}
)


def matches(payload: Mapping[str, Any], settings: EhrButtonSettings) -> bool:
    """Does it say which resource it is, or hold entries as a Bundle does?"""
    return isinstance(payload.get("resourceType"), str) or (
        isinstance(payload.get("entry"), list) and "description" not in payload
    )


def reading(payload: Mapping[str, Any], origin: Origin, settings: EhrButtonSettings) -> Reading:
    """The ticket, or why a request that is over makes none; raises Unreadable where there is not one request."""
    held = Resources(dict(payload))
    asked = held.requests
    if len(asked) != 1:
        raise _not_one(len(asked))
    request = asked[0]
    status = text(request.body.get("status"))
    if status in _OVER:
        return Counted(f"FHIR status {status}")
    form = Form(settings.flat_targets)
    notes = [*held.notes, *_filled(form, held, request, settings)]
    made: Ticket = generic.reading(form.payload(), origin, settings)
    restricted = any(_is_restricted(one.get("meta")) for one in (payload, *(one.body for one in held.all)))
    changes: Json = {"notes": (*dict.fromkeys(notes), *made.notes)}
    if restricted:
        changes["tags"] = (*made.tags, "restricted")
    if name := _name(payload, request):
        changes["external_id"] = name
    return made.model_copy(update=changes)


def _filled(form: Form, held: Resources, request: Resource, settings: EhrButtonSettings) -> Iterator[str]:
    """Fill in all that the payload says of its request; yields remarks."""
    body, kind = request.body, request.type
    _fill_sort(form, request, settings)
    _fill_people(form, held, request)
    for one in (request, *(other for other in held.of(*REQUESTS) if other is not request)):
        _fill_words(form, one)
    for element in objects(body.get("input")):
        _fill_input(form, held, request, element)
    _fill_surroundings(form, held)
    yield from attach(form, held)
    form.keep(kind, without_files({key: value for key, value in body.items() if key not in _READ}) or None)


def _fill_sort(form: Form, request: Resource, settings: EhrButtonSettings) -> None:
    body, kind = request.body, request.type
    form.put("submitted_at", body.get(_TIMES[kind]))
    form.put("urgency", _URGENCY.get(text(body.get("priority")), ""))
    sorts = [body.get(key) for key in _SORTS[kind]]
    form.put("summary", next(filter(None, map(concept, sorts)), ""))
    words = [word for sort in sorts for word in concept_words(sort)]
    known = (word for word in words if settings.issue_type(word) is not None)
    form.put("issue_type", next(known, ""))


def _fill_people(form: Form, held: Resources, request: Resource) -> None:
    body = request.body
    asking = next((body[key] for key in _ASKING[request.type] if body.get(key)), None)
    fill_requester(form, held, asking, request)
    about = next(objects(body.get(_ABOUT[request.type])), {})
    subject = held.resolve(about, request)
    kind = subject.type if subject else type_of(about)
    if kind in ("Practitioner", "PractitionerRole"):
        form.put("on_behalf_of", described(form, held, about, request))
        about = {}
    elif kind in _THINGS:
        about = {}
    fill_patient(form, held, [about], request)
    fill_encounter(form, held, body.get("encounter"), request)
    place = held.resolve(body.get("location"), request)
    if place is not None:
        fill_location(form, place)
    else:
        form.put("location.unit", text(next(objects(body.get("location")), {}).get("display")))


def _fill_words(form: Form, one: Resource) -> None:
    """What a request, or a resource that goes with it, says in words."""
    body = one.body
    if text(body.get("status")) in _OVER:
        return
    form.put("description", text(body.get("description")))
    for part in objects(body.get("payload")):
        form.put("description", text(part.get("contentString")))
    for note in objects(body.get("note")):
        form.put("description", text(note.get("text")))
    for reason in objects(body.get("reasonCode")):
        form.put("description", concept(reason))
    _fill_answers(form, body.get("item"))


def _fill_answers(form: Form, items: Any) -> None:
    """Answers to questions that are keys of the table go where these lead; others become lines `question: answer`."""
    for item in objects(items):
        question, key = text(item.get("text")), text(item.get("linkId"))
        answers = list(objects(item.get("answer")))
        said = ", ".join(filter(None, map(value_of, answers)))
        target = form.place(key) or form.place(question)
        if said and target:
            form.put(target, said, question or key)
        elif said:
            form.put("description", f"{question or key}: {said}" if question or key else said)
        for inner in (item, *answers):
            _fill_answers(form, inner.get("item"))


def _fill_input(form: Form, held: Resources, request: Resource, element: Json) -> None:
    """An input by the first word of its type that is a key; a file, or what is in the payload, is read for itself."""
    words = concept_words(element.get("type"))
    key = next(filter(form.place, words), "") or next(iter(words), "input")
    reference = element.get("valueReference")
    if held.resolve(reference, request) is None:
        form.fill(key, value_of(element))
    elif isinstance(reference, dict) and form.place(key) != "attachments":
        form.fill(key, text(reference.get("display")))


def _fill_surroundings(form: Form, held: Resources) -> None:
    """What machines say beside the request: what went wrong, where, and which system sends it."""
    for outcome in held.of("OperationOutcome"):
        for issue in objects(outcome.body.get("issue")):
            form.put("error_text", text(issue.get("diagnostics")) or concept(issue.get("details")))
    for device in held.of("Device"):
        names = (text(name.get("name")) for name in objects(device.body.get("deviceName")))
        form.put("device.workstation", next(filter(None, names), "") or text(device.body.get("serialNumber")))
        for version in objects(device.body.get("version")):
            form.put("source.app_version", text(version.get("value")))
    for header in held.of("MessageHeader"):
        sender = next(objects(header.body.get("source")), {})
        form.put("source.system", text(sender.get("name")) or text(sender.get("software")))
        form.put("source.app_version", text(sender.get("version")))


def _name(payload: Mapping[str, Any], request: Resource) -> str:
    """The id of the request: an identifier of its own, else the Bundle's; else its address; else its id.

    An address that is a UUID is that of the Bundle's sender for this one request; a bare id is the sender's, too.
    """
    for said in (request.body.get("identifier"), payload.get("identifier")):
        for system, value, _ in identifiers(said):
            return external_id("fhir", system, value)
    if request.url:
        return external_id("fhir", "", request.url)
    return external_id("fhir", request.type, request.id) if request.id else ""


def _is_restricted(meta: Any) -> bool:
    labels = (label for one in objects(meta) for label in objects(one.get("security")))
    return any(label.get("code") in _RESTRICTED for label in labels)


def _not_one(count: int) -> Unreadable:
    known = f"{', '.join(REQUESTS[:-1])} or {REQUESTS[-1]}"
    if count:
        return Unreadable("several-requests", f"{count} requests in one record", "write each into a Bundle of its own")
    return Unreadable("no-request", f"FHIR without a {known}", "see what the EHR is set to send")
