"""Who asks, for whom, and about which patient: the people of a FHIR payload."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connector.sources.ehr_button.fhir.resources import Resource, Resources
from connector.sources.ehr_button.fhir.values import (
    Json,
    concept,
    concept_words,
    human_name,
    identifier,
    identifiers,
    listed,
    objects,
    telecom,
    text,
    type_of,
)
from connector.sources.ehr_button.form import Form

_OUTSIDE = ("Patient", "RelatedPerson")  # what identifies relatives identifies the patient (45 CFR 164.514)
_KINDS = {
    **dict.fromkeys(_OUTSIDE, "patient"),
    **dict.fromkeys(("Practitioner", "PractitionerRole", "Organization", "CareTeam"), "staff"),
    "Device": "unknown",
}
_NPI = "http://hl7.org/fhir/sid/us-npi"
_PHYSICIAN = frozenset({"doctor", "physician", "309343006"})  # the last is SNOMED CT's


def fill_requester(form: Form, held: Resources, reference: Any, source: Resource) -> None:
    """Who a reference names as asking, into the form; where the role says it, where that person works, too."""
    for target, said in described(form, held, reference, source).items():
        form.put(f"requester.{target}", said)
    role = _role(held, held.resolve(reference, source))
    if role is None:
        return
    for place in (held.resolve(one, role) for one in objects(role.body.get("location"))):
        if place is not None:
            fill_location(form, place)
    for one in objects(role.body.get("organization")):
        organization = held.resolve(one, role)
        form.put("requester.department", text(organization.body.get("name")) if organization else "")
        form.put("requester.department", text(one.get("display")))


def fill_location(form: Form, place: Resource) -> None:
    """A Location: its name is the unit, its first identifier the department's."""
    form.put("location.unit", text(place.body.get("name")))
    form.put("requester.department_id", identifier(place.body.get("identifier")))


def described(form: Form, held: Resources, reference: Any, source: Resource) -> Json:
    """The person that a reference names, as a generic payload describes people."""
    said = next(objects(reference), {})
    found = held.resolve(said, source)
    role = _role(held, found)
    person: Json = {}
    if role is not None:
        person["role"] = concept(role.body.get("code")) or concept(role.body.get("specialty"))
        person["is_physician"] = True if _is_physician(role) else None
        if found is role:
            said = next(objects(role.body.get("practitioner")), said)
            found = held.resolve(said, role)
    kind = found.type if found else type_of(said)
    person["kind"] = _KINDS.get(kind)
    person["name"] = _name(found) or text(said.get("display"))
    person.update(_reached(found, role))
    person["fhir_id"] = text(said.get("reference"))
    if found is not None:
        person["fhir_id"] = f"{found.type}/{found.id}" if found.id and found.within is None else ""
    if kind not in _OUTSIDE:
        person.update(_ids(form, found.body if found else said))
    return {key: word for key, word in person.items() if word not in (None, "")}


def fill_patient(form: Form, held: Resources, references: list[Any], source: Resource) -> None:
    """The patient whom the request is about, and every other one in the payload, into the compartment."""
    patients = [one for one in (held.resolve(said, source) for said in references) if one and one.type == "Patient"]
    patients = list(dict.fromkeys([*patients, *held.of("Patient")]))
    for one in patients[:1]:
        _fill_patient(form, one)
    for one in (*patients[1:], *held.of("RelatedPerson")):
        record = {"type": "EPT", "id": identifier(one.body.get("identifier")) or one.id or "?"}
        form.put("records", {**record, "name": human_name(one.body.get("name"))})
    for said in (one for reference in references for one in objects(reference)):
        if held.resolve(said, source) is None:
            form.put("patient.name", text(said.get("display")))
            form.put("patient.mrn", identifier(said.get("identifier")))
            form.put("patient.fhir_id", text(said.get("reference")).rpartition("/")[2])


def fill_encounter(form: Form, held: Resources, reference: Any, source: Resource) -> None:
    """The encounter, by the identifier that it has; else by its id."""
    said = next(objects(reference), {})
    found = held.resolve(said, source) or next(held.of("Encounter"), None)
    if found is not None:
        form.put("patient.encounter_id", identifier(found.body.get("identifier")) or found.id)
        return
    named = identifier(said.get("identifier")) or text(said.get("reference")).rpartition("/")[2]
    form.put("patient.encounter_id", named or text(said.get("display")))


def _fill_patient(form: Form, one: Resource) -> None:
    known = list(identifiers(one.body.get("identifier")))
    numbers = [value for _, value, words in known if "MR" in words] or [value for _, value, _ in known]
    form.put("patient.mrn", numbers[0] if numbers else "")
    form.put("patient.name", human_name(one.body.get("name")))
    form.put("patient.birth_date", text(one.body.get("birthDate")))
    form.put("patient.fhir_id", one.id)
    others = [value for _, value, _ in known if numbers and value != numbers[0]]
    points = [text(point.get("value")) for point in objects(one.body.get("telecom"))]
    homes = [_address(home) for home in objects(one.body.get("address"))]
    for number, said in enumerate((*others, *points, *homes), 1):
        form.put(f"patient.also {number}", said)


def _address(home: Json) -> str:
    parts = (*listed(home.get("line")), home.get("city"), home.get("postalCode"))
    return text(home.get("text")) or ", ".join(filter(None, map(text, parts)))


def _role(held: Resources, found: Resource | None) -> Resource | None:
    """The role in which somebody acts: what was referred to, or the one that names this practitioner."""
    if found is None or found.type == "PractitionerRole":
        return found
    if found.type != "Practitioner":
        return None
    roles = held.of("PractitionerRole")
    return next((role for role in roles if held.resolve(role.body.get("practitioner"), role) is found), None)


def _is_physician(role: Resource) -> bool:
    return any(word.lower() in _PHYSICIAN for word in concept_words(role.body.get("code")))


def _name(found: Resource | None) -> str:
    if found is None:
        return ""
    name = found.body.get("name")
    return text(name) or human_name(name)


def _reached(found: Resource | None, role: Resource | None) -> Json:
    """E-mail and phone of the person, else those of the role."""
    points = [one.body.get("telecom") for one in (found, role) if one is not None]
    return {system: next(filter(None, (telecom(one, system) for one in points)), "") for system in ("email", "phone")}


def _ids(form: Form, body: Json) -> Json:
    """Identifiers by what the site's words for their types mean; an NPI is the provider's, any other the user's."""
    said: Json = {}
    for system, value, words in identifiers(body.get("identifier")):
        said.setdefault(_place(form, system, words), value)
    return said


def _place(form: Form, system: str, words: list[str]) -> str:
    if system == _NPI or "NPI" in words:
        return "provider_id"
    places: Iterator[str] = (form.place(word) for word in words)
    return next((place.partition(".")[2] for place in places if place.startswith("requester.")), "user_id")
