"""ServiceNow's columns: which ones a mapping may write, and how a value reads on the wire. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from connector.plugins import FieldSpec

JOURNALS = frozenset({"comments", "work_notes"})  # every write appends, and no echo shows them
PEOPLE = frozenset({"caller_id", "assigned_to", "opened_by", "requested_for"})
GROUPS = frozenset({"assignment_group"})
LISTS = frozenset({"watch_list", "work_notes_list", "additional_assignee_list", "group_list"})
OWN = frozenset({"sys_id", "correlation_id", "correlation_display"})  # written by us alone
STATE_FIELDS = ("sys_id", "number", "state", "sys_created_on")

RESOLVED = {"incident": frozenset({"6"}), "problem": frozenset({"106"})}
REOPENED = {"incident": "2", "problem": "103"}  # in progress; root cause analysis
CLOSED = {"incident": frozenset({"7", "8"}), "problem": frozenset({"107"})}

_SYS_ID = re.compile(r"[0-9a-fA-F]{32}")
_CODE = re.compile(r"\[(/?)code\]", re.IGNORECASE)
_ONE_TO_THREE = frozenset({"1", "2", "3"})


def _spec(
    name: str, label: str, length: int | None = None, choices: frozenset[str] | None = None, required: bool = False
) -> FieldSpec:
    return FieldSpec(name, label, choices, length, required=required)


# Incident and problem of an instance as it is delivered (ServiceNow docs, Incident and Problem Management).
FIELDS: tuple[FieldSpec, ...] = (
    _spec("short_description", "Short description", 160, required=True),
    _spec("description", "Description", 4000),
    _spec("caller_id", "Caller"),
    _spec("opened_by", "Opened by"),
    _spec("requested_for", "Requested for"),
    _spec("contact_type", "Channel"),
    _spec("category", "Category"),
    _spec("subcategory", "Subcategory"),
    _spec("impact", "Impact", choices=_ONE_TO_THREE),
    _spec("urgency", "Urgency", choices=_ONE_TO_THREE),
    _spec("priority", "Priority (ServiceNow computes it from impact and urgency)"),
    _spec("severity", "Severity", choices=_ONE_TO_THREE),
    _spec("assignment_group", "Assignment group"),
    _spec("assigned_to", "Assigned to"),
    _spec("watch_list", "Watch list"),
    _spec("work_notes_list", "Work notes list"),
    _spec("comments", "Additional comments (customer visible)"),
    _spec("work_notes", "Work notes"),
    _spec("state", "State"),
    _spec("hold_reason", "On hold reason"),
    _spec("close_code", "Resolution code"),
    _spec("close_notes", "Resolution notes"),
    _spec("cmdb_ci", "Configuration item"),
    _spec("business_service", "Service"),
    _spec("service_offering", "Service offering"),
    _spec("location", "Location"),
    _spec("company", "Company"),
    _spec("opened_at", "Opened"),
    _spec("due_date", "Due date"),
    _spec("notify", "Notification"),
    _spec("parent", "Parent"),
    _spec("parent_incident", "Parent incident"),
    _spec("problem_id", "Problem"),
    _spec("rfc", "Change request"),
    _spec("caused_by", "Caused by change"),
    _spec("workaround", "Workaround"),
    _spec("cause_notes", "Cause notes"),
    _spec("fix_notes", "Fix notes"),
    _spec("known_error", "Known error"),
    _spec("resolution_code", "Resolution code (problem)"),
    _spec("first_reported_by_task", "First reported by"),
    _spec("duplicate_of", "Duplicate of"),
    _spec("u_*", "A column of your own"),
    _spec("x_*", "A column of an application"),
)

# What an import set may write besides: the platform's own times (ServiceNow docs, Import sets).
TIMES: tuple[FieldSpec, ...] = (
    _spec("sys_created_on", "Created"),
    _spec("sys_created_by", "Created by"),
    _spec("sys_updated_on", "Updated"),
    _spec("sys_updated_by", "Updated by"),
    _spec("resolved_at", "Resolved"),
    _spec("resolved_by", "Resolved by"),
    _spec("closed_at", "Closed"),
    _spec("closed_by", "Closed by"),
)


def is_sys_id(text: str) -> bool:
    """Does this look like the name of a record (32 hex digits)?"""
    return _SYS_ID.fullmatch(text) is not None


def plain(value: Any) -> str:
    """A value as the Table API writes it: always a string, a reference by its sys_id, nothing as an empty string."""
    if type(value) is str:  # nearly all are
        return value
    if isinstance(value, Mapping):
        value = value.get("value", "")
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(plain(item) for item in value)
    return str(value)


def journal(text: str) -> str:
    """Text for a journal. `[code]` would make ServiceNow render what follows as HTML, so it loses its meaning."""
    return _CODE.sub(r"(\1code)", text)


def changes(body: Mapping[str, Any], table: str) -> dict[str, Any]:
    """What an update sends. `reopen` in a body asks for the state that a resolved record goes back to."""
    sent = {name: value for name, value in body.items() if name not in JOURNALS and name != "reopen"}
    if body.get("reopen") and table in REOPENED:
        sent.setdefault("state", REOPENED[table])
    return sent


def echo(record: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
    """What the record holds in the columns named; journals and our own keys are not among them."""
    return {name: plain(record.get(name)) for name in names if name not in JOURNALS and name not in OWN}


def unkept(sent: Mapping[str, Any], kept: Mapping[str, str]) -> dict[str, tuple[Any, Any]]:
    """The columns whose value the remote did not take over, as (sent, kept).

    A priority that was sent along with impact or urgency is recomputed from them by design, so it does not count.
    """
    computed = {"priority"} if {"impact", "urgency"} & sent.keys() else set()
    return {
        name: (sent[name], kept[name])
        for name in kept
        if name in sent and name not in computed and not same(name, sent[name], kept[name])
    }


def same(name: str, sent: Any, kept: str) -> bool:
    """Do the two say the same? Line ends, outer white space and the order of a list do not count."""
    if sent == kept:
        return True
    ours, theirs = _normal(plain(sent)), _normal(kept)
    if name in LISTS:
        return set(_items(ours)) == set(_items(theirs))
    return ours == theirs


def _normal(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]
