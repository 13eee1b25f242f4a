"""Zendesk's fields: which ones a mapping may write, and how they read in a ticket. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from connector.plugins import FieldSpec

CUSTOM = "custom:"
COMMENT = frozenset({"comment", "comment_html", "comment_public"})  # the first comment; no ticket shows it
PEOPLE_LISTS = frozenset({"email_ccs", "followers"})
PEOPLE = PEOPLE_LISTS | {"requester", "assignee"}
UNSEEN = COMMENT | {"follow_up_of", "reopen"}  # no ticket shows these

# Rendered name -> the ticket's own key, where they differ.
PLACES: Mapping[str, str] = {
    "group": "group_id",
    "requester": "requester_id",
    "assignee": "assignee_id",
    "form": "ticket_form_id",
    "brand": "brand_id",
    "email_ccs": "email_cc_ids",
    "followers": "follower_ids",
}

_SENT_AS: Mapping[str, str] = {
    "requester": "requester",
    "assignee": "assignee_email",
    "email_ccs": "email_ccs",
    "followers": "followers",
    "follow_up_of": "via_followup_source_id",
}

PRIORITIES = frozenset({"urgent", "high", "normal", "low"})
TYPES = frozenset({"problem", "incident", "question", "task"})
STATUSES = frozenset({"new", "open", "pending", "hold", "solved", "closed"})

# Zendesk docs, Tickets: writable properties.
FIELDS: tuple[FieldSpec, ...] = (
    FieldSpec("subject", "Subject", max_length=150),
    FieldSpec("comment", "First comment (text)", max_length=64_000, required=True),
    FieldSpec("comment_html", "First comment (HTML)", max_length=64_000),
    FieldSpec("comment_public", "Is the first comment public?"),
    FieldSpec("requester", "Requester"),
    FieldSpec("assignee", "Assignee (e-mail)"),
    FieldSpec("group", "Group"),
    FieldSpec("priority", "Priority", PRIORITIES),
    FieldSpec("type", "Type", TYPES),
    FieldSpec("status", "Status", STATUSES),
    FieldSpec("tags", "Tags", merged=True),
    FieldSpec("email_ccs", "CCs"),
    FieldSpec("followers", "Followers"),
    FieldSpec("due_at", "Due (tasks)"),
    FieldSpec("form", "Ticket form (id)"),
    FieldSpec("brand", "Brand (id)"),
    FieldSpec("organization_id", "Organization (id)"),
    FieldSpec("custom_status_id", "Custom status (id)"),
    FieldSpec("recipient", "Original recipient address"),
    FieldSpec(f"{CUSTOM}*", "A custom field by title or id"),
)

_NOT_IN_TAGS = re.compile(r"[^\w/:.-]+")


def tag(text: str) -> str:
    """A tag as Zendesk keeps it: lower case, no spaces or signs."""
    return _NOT_IN_TAGS.sub("_", text.strip().lower()).strip("_")[:80]


def tag_list(value: Any) -> list[str]:
    """Tags from a list or from one text, each once, in order."""
    items = [value] if isinstance(value, str) else list(value or ())
    return list(dict.fromkeys(filter(None, (tag(str(item)) for item in items))))


def ticket(body: Mapping[str, Any]) -> dict[str, Any]:
    """What is sent for a body, whose names are the rendered ones. Tags to add and remove are sent by themselves."""
    sent: dict[str, Any] = {}
    for name, value in body.items():
        if name.startswith(CUSTOM):
            sent.setdefault("custom_fields", []).append(dict(value))
        elif name == "reopen":
            sent.setdefault("status", "open")
        elif name != "tags" or isinstance(value, list):
            sent[_SENT_AS.get(name, PLACES.get(name, name))] = value
    return sent


def tag_changes(body: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The tags that an update adds and removes."""
    changes = body.get("tags")
    return (changes.get("add", []), changes.get("remove", [])) if isinstance(changes, Mapping) else ([], [])


def kept(ticket: Mapping[str, Any], name: str, custom: Mapping[str, int]) -> Any:
    """What the ticket holds for a rendered field. `custom` gives the ids of custom fields."""
    if name.startswith(CUSTOM):
        return _custom_values(ticket).get(custom.get(name, 0))
    return ticket.get(PLACES.get(name, name))


def _custom_values(ticket: Mapping[str, Any]) -> dict[int, Any]:
    rows = ticket.get("custom_fields") or ()
    return {row["id"]: row.get("value") for row in rows if isinstance(row, Mapping) and "id" in row}


def custom_ids(body: Mapping[str, Any]) -> dict[str, int]:
    """The ids of a body's custom fields by rendered name."""
    return {name: int(value["id"]) for name, value in body.items() if name.startswith(CUSTOM)}


def echo(ticket: Mapping[str, Any], names: Iterable[str], custom: Mapping[str, int]) -> dict[str, Any]:
    """What the ticket holds for each rendered field that it can show."""
    return {name: kept(ticket, name, custom) for name in names if name not in UNSEEN}


def unkept(body: Mapping[str, Any], held: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The rendered fields whose value the remote did not take over, as (sent, kept); `held` is the echo.

    People are sent by e-mail and kept by id, so they cannot be compared; tags that others added do not count.
    """
    found: dict[str, tuple[Any, Any]] = {}
    for name, theirs in held.items():
        ours = body.get(name)
        if name.startswith(CUSTOM) and isinstance(ours, Mapping):
            ours = ours.get("value")
        if ours is not None and name not in PEOPLE and not same(name, ours, theirs):
            found[name] = (ours, theirs)
    return found


def same(name: str, sent: Any, theirs: Any) -> bool:
    """Do the two say the same?"""
    if name == "tags":
        held = set(theirs or ())
        changes = sent if isinstance(sent, Mapping) else {"add": sent}
        return set(changes.get("add", ())) <= held and not held & set(changes.get("remove", ()))
    if isinstance(sent, list):
        return isinstance(theirs, list) and set(map(str, sent)) == set(map(str, theirs))
    if isinstance(sent, bool) or theirs is None:
        return bool(sent == theirs)
    if isinstance(sent, int | float):
        return _number(theirs) == float(sent)
    return _normal(str(sent)) == _normal(str(theirs))


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _normal(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()
