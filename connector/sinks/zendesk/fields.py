"""Zendesk's fields: which ones a mapping may write, and how they read in a ticket. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from connector.plugins import FieldSpec

CUSTOM = "custom:"
COMMENT = frozenset({"comment", "comment_html", "comment_public"})  # the first comment; no ticket shows it
PEOPLE_LISTS = frozenset({"email_ccs", "followers"})
PEOPLE = PEOPLE_LISTS | {"requester", "assignee"}
IMPORTED = frozenset({"created_at", "updated_at", "solved_at"})  # taken by the Import API alone, and at birth
UNSEEN = COMMENT | {"follow_up_of", "reopen", "solved_at"}  # no ticket shows these
TIMES = IMPORTED | {"due_at"}

# Rendered name -> the ticket's own key, where they differ.
PLACES: Mapping[str, str] = {
    "group": "group_id",
    "requester": "requester_id",
    "assignee": "assignee_id",
    "form": "ticket_form_id",
    "brand": "brand_id",
    "email_ccs": "email_cc_ids",
    "followers": "follower_ids",
    "problem": "problem_id",
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

# Zendesk docs, Ticket Import.
IMPORT_FIELDS: tuple[FieldSpec, ...] = (
    FieldSpec("created_at", "Created (import)"),
    FieldSpec("updated_at", "Last updated (import)"),
    FieldSpec("solved_at", "Solved (import)"),
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


def new(body: Mapping[str, Any], external_id: str) -> dict[str, Any]:
    """A ticket that does not exist yet. Nothing is said of what is empty."""
    sent = {name: value for name, value in ticket(body).items() if value is not None}
    return {**sent, "external_id": external_id}


def imported(sent: dict[str, Any]) -> dict[str, Any]:
    """A new ticket as the Import API takes it: its first comment was said when the ticket was made."""
    comment = dict(sent["comment"])
    if "created_at" in sent:
        comment["created_at"] = sent["created_at"]
    return {**{name: value for name, value in sent.items() if name != "comment"}, "comments": [comment]}


def changed(body: Mapping[str, Any], number: int) -> dict[str, Any]:
    """A ticket's part in a change of many. Tags travel with it, added to and taken from what is there."""
    added, removed = tag_changes(body)
    tags = {"additional_tags": added, "remove_tags": removed}
    return {"id": number, **ticket(body), **{name: value for name, value in tags.items() if value}}


def linked(problem: int | None) -> dict[str, Any]:
    """What makes a ticket an incident of a problem, or of none. A problem has incidents, and nothing else."""
    return {"problem_id": None} if problem is None else {"type": "incident", "problem_id": problem}


def tag_changes(body: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The tags that an update adds and removes."""
    changes = body.get("tags")
    return (changes.get("add", []), changes.get("remove", [])) if isinstance(changes, Mapping) else ([], [])


def custom_ids(body: Mapping[str, Any]) -> dict[str, int]:
    """The ids of a body's custom fields by rendered name."""
    return {name: int(value["id"]) for name, value in body.items() if name.startswith(CUSTOM)}


def echo(ticket: Mapping[str, Any], names: Iterable[str], custom: Mapping[str, int]) -> dict[str, Any]:
    """What the ticket holds for each rendered field that it can show. `custom` gives the ids of custom fields."""
    rows = (ticket.get("custom_fields") or ()) if custom else ()
    held = {row["id"]: row.get("value") for row in rows if isinstance(row, dict) and "id" in row}
    return {
        name: held.get(custom.get(name, 0)) if name.startswith(CUSTOM) else ticket.get(PLACES.get(name, name))
        for name in names
        if name not in UNSEEN
    }


def unkept(body: Mapping[str, Any], held: Mapping[str, Any], clears: bool = False) -> dict[str, tuple[Any, Any]]:
    """The rendered fields whose value the remote did not take over, as (sent, kept); `held` is the echo.

    People are sent by e-mail and kept by id, so they cannot be compared; tags that others added do not count. A value
    left empty says nothing, unless what was sent `clears` what it leaves empty.
    """
    found: dict[str, tuple[Any, Any]] = {}
    for name, theirs in held.items():
        if name not in body or name in PEOPLE:
            continue
        ours = body[name]
        if name.startswith(CUSTOM) and isinstance(ours, dict):
            ours = ours.get("value")
        kept = (not clears or theirs in _EMPTY) if ours is None else same(name, ours, theirs)
        if not kept:
            found[name] = (ours, theirs)
    return found


_EMPTY: tuple[object, ...] = (None, "", False, [])


def same(name: str, sent: Any, theirs: Any) -> bool:
    """Do the two say the same?"""
    if sent == theirs:  # nearly always
        return True
    if name == "tags":
        held = set(theirs or ())
        changes = sent if isinstance(sent, Mapping) else {"add": sent}
        return set(changes.get("add", ())) <= held and not held & set(changes.get("remove", ()))
    if isinstance(sent, list):
        return isinstance(theirs, list) and set(map(str, sent)) == set(map(str, theirs))
    if isinstance(sent, bool) or theirs is None:
        return False
    if name in TIMES and (moment := instant(str(sent))) is not None:
        return moment == instant(str(theirs))
    if isinstance(sent, int | float):
        return _number(theirs) == float(sent)
    return _normal(str(sent)) == _normal(str(theirs))


def instant(text: str) -> datetime | None:
    """The second that an ISO 8601 time with its zone names, None where it names none."""
    try:
        read = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return read.astimezone(UTC).replace(microsecond=0) if read.tzinfo else None


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _normal(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()
