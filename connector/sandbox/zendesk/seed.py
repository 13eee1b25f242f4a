"""What the emulated account holds before anything arrives: people, groups, ticket fields and a form."""

from __future__ import annotations

from typing import Any

from connector.sandbox.clock import iso
from connector.sandbox.people import DEFAULT_GROUP, GROUPS, PEOPLE

Record = dict[str, Any]

ADMIN_EMAIL = "sync@northfield-hospital.example"
ACCOUNT_ID = 1710331
BRAND_ID = 360000217313
_EPOCH = iso(1704700800)
_GROUP_BASE, _USER_BASE, FIELD_BASE = 360005510000, 360020000000, 360001234500
FORM_ID = 360000417393

_SYSTEM_FIELDS = (
    ("subject", "Subject"),
    ("description", "Description"),
    ("status", "Status"),
    ("tickettype", "Type"),
    ("priority", "Priority"),
    ("group", "Group"),
    ("assignee", "Assignee"),
)
_OPTIONS = {
    "status": ("open", "pending", "hold", "solved"),
    "tickettype": ("problem", "incident", "question", "task"),
    "priority": ("low", "normal", "high", "urgent"),
}
# title | type | label:tag, ...
_CUSTOM_FIELDS = """
Workstation|text|
EHR environment|tagger|PRD:env_prd,SUP:env_sup,TST:env_tst,TRN:env_trn,POC:env_poc,DEV:env_dev
EHR application|text|
Build record|text|
Patient care affected|checkbox|patient_care_affected
Error code|text|
EHR version|text|
Location|text|
Steps tried|textarea|
Downtime minutes|integer|
Seen on|date|
Symptoms|multiselect|Slow:symptom_slow,Error message:symptom_error,Missing data:symptom_missing
EHR activity|text|
Request category|tagger|Break/fix:cat_break_fix,Optimization:cat_optimization,Operational request:cat_operational
Channel|tagger|EHR button:channel_button,E-mail:channel_email,Chatbot:channel_chatbot
"""


def _status(key: int, category: str, label: str, default: bool) -> Record:
    words = {"agent_label": label, "end_user_label": label, "raw_agent_label": label, "description": ""}
    return {"id": key, "status_category": category, "active": True, "default": default, **words}


# Closed is no category of custom statuses.
STATUSES: dict[int, Record] = {
    key: _status(key, category, label, default)
    for key, category, label, default in (
        (360000100001, "new", "New", True),
        (360000100002, "open", "Open", True),
        (360000100003, "open", "With the vendor", False),
        (360000100004, "pending", "Pending", True),
        (360000100005, "hold", "On-hold", True),
        (360000100006, "solved", "Solved", True),
    )
}


def groups() -> dict[int, Record]:
    """The groups by id."""
    found = {}
    for position, name in enumerate(GROUPS):
        key = _GROUP_BASE + position
        found[key] = {
            "id": key,
            "name": name,
            "description": f"{name} team",
            "default": name == DEFAULT_GROUP,
            "is_public": True,
            "deleted": False,
            "created_at": _EPOCH,
            "updated_at": _EPOCH,
        }
    return found


def user(key: int, name: str, email: str, role: str = "end-user", moment: str = _EPOCH) -> Record:
    """A new user record."""
    return {
        "id": key,
        "name": name,
        "email": email,
        "created_at": moment,
        "updated_at": moment,
        "time_zone": "Eastern Time (US & Canada)",
        "iana_time_zone": "America/New_York",
        "phone": None,
        "locale_id": 1,
        "locale": "en-US",
        "organization_id": None,
        "role": role,
        "verified": True,
        "external_id": None,
        "tags": [],
        "alias": None,
        "active": True,
        "shared": False,
        "suspended": False,
        "default_group_id": _GROUP_BASE if role != "end-user" else None,
        "notes": None,
        "details": None,
        "user_fields": {},
    }


def users() -> dict[int, Record]:
    """The people by id: agents of the service desk, an administrator for the API, everybody else as end user."""
    found = {_USER_BASE: user(_USER_BASE, "Sync Integration", ADMIN_EMAIL, "admin")}
    emails = {ADMIN_EMAIL}
    for position, person in enumerate(PEOPLE, 1):
        if person.email in emails:  # an e-mail address belongs to one user here
            continue
        emails.add(person.email)
        key = _USER_BASE + position
        found[key] = user(key, person.name, person.email, "agent" if person.desk else "end-user")
        found[key]["suspended"] = not person.active
    return found


def fields() -> dict[int, Record]:
    """The ticket fields by id, system ones first."""
    found: dict[int, Record] = {}
    for kind, title in _SYSTEM_FIELDS:
        key = FIELD_BASE - 100 + len(found)
        found[key] = _field(key, kind, title, removable=False)
        if kind in _OPTIONS:
            found[key]["system_field_options"] = [{"name": v.capitalize(), "value": v} for v in _OPTIONS[kind]]
    for position, line in enumerate(_CUSTOM_FIELDS.strip().splitlines()):
        title, kind, rest = line.split("|")
        key = FIELD_BASE + position
        found[key] = _field(key, kind, title, removable=True)
        if kind == "checkbox":
            found[key]["tag"] = rest
        elif kind in ("tagger", "multiselect"):
            found[key]["custom_field_options"] = _field_options(key, rest)
    return found


def _field(key: int, kind: str, title: str, removable: bool) -> Record:
    return {
        "id": key,
        "type": kind,
        "title": title,
        "raw_title": title,
        "description": title,
        "position": key % 100,
        "active": True,
        "required": False,
        "collapsed_for_agents": False,
        "regexp_for_validation": None,
        "title_in_portal": title,
        "visible_in_portal": True,
        "editable_in_portal": True,
        "required_in_portal": False,
        "tag": None,
        "removable": removable,
        "created_at": _EPOCH,
        "updated_at": _EPOCH,
    }


def _field_options(key: int, text: str) -> list[Record]:
    options = []
    for position, entry in enumerate(text.split(",")):
        name, _, tag = entry.partition(":")
        options.append({"id": key * 100 + position, "name": name, "raw_name": name, "value": tag, "default": False})
    return options


def form(field_ids: list[int]) -> Record:
    """The only ticket form."""
    return {
        "id": FORM_ID,
        "name": "EHR help request",
        "raw_name": "EHR help request",
        "display_name": "EHR help request",
        "active": True,
        "default": True,
        "end_user_visible": True,
        "in_all_brands": True,
        "position": 0,
        "ticket_field_ids": field_ids,
        "restricted_brand_ids": [],
        "created_at": _EPOCH,
        "updated_at": _EPOCH,
    }
