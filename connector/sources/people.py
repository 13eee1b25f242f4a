"""People as documents name them."""

from __future__ import annotations

from typing import Any

from connector.sources.given import Given
from connector.sources.text import line
from connector.ticket import Person, PersonKind

_MOST = 20
_NAMED = {
    "user_id": "id",
    **{name: name for name in ("login", "name", "email", "phone", "role", "department", "department_id")},
    **{name: name for name in ("provider_id", "fhir_id")},
}
_NAME_PARTS = {name: name for name in ("first_name", "last_name")}


def person(given: Given, otherwise: PersonKind, fhir_id: str = "") -> Person:
    """The person an object describes; `otherwise` says who it is where the object does not."""
    said = given.words(_NAMED)
    if "name" not in said and (parts := given.words(_NAME_PARTS)):
        said["name"] = " ".join(parts.values())
    if fhir_id:
        said.setdefault("fhir_id", fhir_id)
    return Person(
        kind=given.choice("kind", PersonKind) or otherwise,
        is_physician=given.flag("is_physician"),
        **said,
    )


def people(items: list[Any], otherwise: PersonKind) -> tuple[tuple[Person, ...], list[Any]]:
    """Those of a list that name somebody, 20 at most, and what of the list was not taken."""
    named: list[Person] = []
    left = items[_MOST:]
    for item in items[:_MOST]:
        found, rest = one(item, otherwise)
        if found is not None:
            named.append(found)
        if rest is not None:
            left.append(rest)
    return tuple(named), left


def one(item: Any, otherwise: PersonKind) -> tuple[Person | None, Any]:
    """The person named by an object, or by a text with an e-mail address, a login or a name; and what is left."""
    if isinstance(item, dict):
        given = Given(item)
        found = person(given, otherwise)
        if found.id or found.login or found.name or found.email or found.fhir_id:
            return found, given.left() or None
    said = line(item, 255) if isinstance(item, str) else ""
    if not said:
        return None, item
    field = "email" if "@" in said else "name" if " " in said else "login"
    return Person(kind=otherwise, **{field: said}), None  # type: ignore[arg-type]
