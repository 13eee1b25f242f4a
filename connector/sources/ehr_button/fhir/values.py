"""FHIR's data types, read from JSON in which anything may be anything (HL7 FHIR R4, Data Types)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connector.sources.text import clean

Json = dict[str, Any]
_FILES = ("valueAttachment", "valueBase64Binary")


def listed(value: Any) -> list[Any]:
    """The members of a list; anything else is a list of one."""
    return value if isinstance(value, list) else [value]


def objects(value: Any) -> Iterator[Json]:
    """The objects in a list; a single one is a list of one."""
    for one in listed(value):
        if isinstance(one, dict):
            yield one


def text(value: Any) -> str:
    """A primitive as clean text; empty for anything else."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, int | float) else ""


def concept(value: Any) -> str:
    """What the first CodeableConcept or Coding says that says anything: its text, else a display, else a code."""
    return next(iter(concept_words(value)), "")


def concept_words(value: Any) -> list[str]:
    """Everything that CodeableConcepts or Codings say: texts, then displays, then codes."""
    concepts = list(objects(value))
    codings = [coding for one in concepts for coding in (one, *objects(one.get("coding")))]
    said = [text(one.get("text")) for one in concepts]
    for part in ("display", "code"):
        said.extend(text(coding.get(part)) for coding in codings)
    return [word for word in dict.fromkeys(said) if word]


def human_name(value: Any) -> str:
    """The first HumanName that says anything, not an old one where there is another."""
    names = sorted(objects(value), key=lambda name: name.get("use") in ("old", "maiden"))
    for name in names:
        parts = [text(part) for key in ("given", "family") for part in listed(name.get(key))]
        said = text(name.get("text")) or " ".join(filter(None, parts))
        if said:
            return said
    return ""


def telecom(value: Any, system: str) -> str:
    """The first ContactPoint of that system (`email`, `phone`)."""
    points = (text(point.get("value")) for point in objects(value) if point.get("system") == system)
    return next(filter(None, points), "")


def identifiers(value: Any) -> Iterator[tuple[str, str, list[str]]]:
    """System, value and the words of the type of each Identifier that has a value, `use: official` first."""
    for one in sorted(objects(value), key=lambda one: one.get("use") != "official"):
        if said := text(one.get("value")):
            yield text(one.get("system")), said, concept_words(one.get("type"))


def identifier(value: Any) -> str:
    """The value of the first Identifier that has one."""
    return next((said for _, said, _ in identifiers(value)), "")


def type_of(reference: Json) -> str:
    """The type of resource that a Reference names, as far as it says."""
    return text(reference.get("type")) or text(reference.get("reference")).rpartition("/")[0].rpartition("/")[2]


def value_of(element: Json) -> str:
    """The `value[x]` of an element as text; empty where it is a file."""
    for key, value in element.items():
        if key.startswith("value") and key not in _FILES:
            return text(value) or next((said for one in objects(value) if (said := _said(one))), "")
    return ""


def _said(value: Json) -> str:
    """What a complex value says: a concept, a reference, an identifier, a quantity, a period."""
    for said in (concept(value), text(value.get("display")), text(value.get("reference"))):
        if said:
            return said
    amount = " ".join(filter(None, (text(value.get("value")), text(value.get("unit")))))
    return amount or " to ".join(filter(None, (text(value.get("start")), text(value.get("end")))))
