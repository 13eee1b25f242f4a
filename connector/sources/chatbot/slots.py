"""What the slots of a bot say of person, place, weight and patient. Slots that are known here are slots no more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connector.sources.text import line, word_of
from connector.ticket import Impact, Urgency

_PERSON = {
    "id": ("user_id", "userid", "employee_id"),
    "email": ("email", "user_email", "e_mail", "email_address"),
    "name": ("name", "user_name", "full_name", "employee_name", "username_display"),
    "login": ("login", "username", "user_login", "network_id", "syslogin"),
    "phone": ("phone", "phone_number", "callback_number", "extension"),
    "department": ("department", "dept"),
    "role": ("role", "job_title", "position"),
}
_CONTEXT = {
    "workstation": ("workstation", "computer", "pc_name", "device"),
    "application": ("application", "app", "system_name"),
    "environment": ("environment", "env"),
    "activity": ("activity", "screen"),
    "error_text": ("error", "error_text", "error_message"),
}
_LOCATION = {"facility": ("facility", "hospital", "site"), "unit": ("unit", "ward"), "room": ("room",)}
_PHI = {
    "mrn": ("mrn", "patient_id", "patient_mrn", "medical_record_number"),
    "name": ("patient_name", "patient"),
    "birth_date": ("dob", "birth_date", "date_of_birth"),
    "encounter": ("csn", "encounter", "encounter_id"),
}
_TROUBLE = ("problem", "issue", "problem_description", "issue_description", "description", "details", "issue_details")
_ISSUE_TYPE = ("issue_type", "request_type", "category", "topic")
_URGENCY = ("urgency", "priority", "severity")
_IMPACT = ("impact", "scope", "affected", "who_is_affected")
_PATIENT_CARE = ("patient_care_affected", "patient_care", "affects_patient_care", "patient_impact")
_URGENCIES = {
    **dict.fromkeys(("critical", "urgent", "emergency", "stat", "asap", "high", "very_high"), Urgency.HIGH),
    **dict.fromkeys(("medium", "normal", "moderate", "routine"), Urgency.MEDIUM),
    **dict.fromkeys(("low", "minor", "not_urgent", "whenever"), Urgency.LOW),
}
_IMPACTS = {
    **dict.fromkeys(("me", "just_me", "only_me", "user", "myself", "one"), Impact.USER),
    **dict.fromkeys(("unit", "team", "department", "ward", "clinic", "my_unit", "several", "others"), Impact.UNIT),
    **dict.fromkeys(("site", "hospital", "facility"), Impact.SITE),
    **dict.fromkeys(("enterprise", "all_sites"), Impact.ENTERPRISE),
}
_FLAGS = {**dict.fromkeys(("yes", "true", "y", "1"), True), **dict.fromkeys(("no", "false", "n", "0"), False)}


@dataclass(frozen=True, slots=True)
class Understood:
    """What slots say, by the fields of a ticket's parts; `left` are the slots that nobody knows."""

    person: Mapping[str, Any]
    context: Mapping[str, Any]
    location: Mapping[str, Any]
    phi: Mapping[str, Any]
    weight: Mapping[str, Any]
    trouble: str
    issue_type: str
    left: Mapping[str, str]


def understood(slots: Mapping[str, str]) -> Understood:
    """What a bot's slots say. A value that is none of those known for its slot leaves it where it is."""
    left = {word_of(name): value for name, value in slots.items()}
    phi, person, context, place = (_taken(left, table) for table in (_PHI, _PERSON, _CONTEXT, _LOCATION))
    weight = {
        "urgency": _meant(left, _URGENCY, _URGENCIES),
        "impact": _meant(left, _IMPACT, _IMPACTS),
        "patient_care": _meant(left, _PATIENT_CARE, _FLAGS),
    }
    trouble, issue_type = (
        next((left[name] for name in names if left.get(name)), "") for names in (_TROUBLE, _ISSUE_TYPE)
    )
    known = {name: value for name, value in weight.items() if value is not None}
    return Understood(person, context, place, phi, known, trouble, issue_type, left)


def _taken(slots: dict[str, str], table: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    found = {field: next((slots[name] for name in names if slots.get(name)), "") for field, names in table.items()}
    for names in table.values():
        for name in names:
            slots.pop(name, None)
    return {field: line(value, 255) for field, value in found.items() if value}


def _meant(slots: dict[str, str], names: tuple[str, ...], meanings: Mapping[str, Any]) -> Any:
    for name in names:
        meaning = meanings.get(word_of(slots.get(name, "")[:40]))
        if meaning is not None:
            del slots[name]
            return meaning
    return None
