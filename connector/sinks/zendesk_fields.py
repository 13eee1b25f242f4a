"""Zendesk's fields: which ones a mapping may write, and how they read in a ticket. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from connector.plugins import FieldSpec

CUSTOM = "custom:"
COMMENT = frozenset({"comment", "comment_html", "comment_public"})  # the first comment; no ticket shows it
PEOPLE_LISTS = frozenset({"email_ccs", "followers"})

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

PRIORITIES = frozenset({"urgent", "high", "normal", "low"})
TYPES = frozenset({"problem", "incident", "question", "task"})
STATUSES = frozenset({"new", "open", "pending", "hold", "solved", "closed"})

# Zendesk docs, Tickets: writable properties.
FIELDS: tuple[FieldSpec, ...] = (
    FieldSpec("subject", "Subject", max_length=150),
    FieldSpec("comment", "First comment (text)", max_length=64_000),
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


def kept(ticket: Mapping[str, Any], name: str, custom: Mapping[str, int]) -> Any:
    """What the ticket holds for a rendered field. `custom` gives the ids of custom fields."""
    if name.startswith(CUSTOM):
        return values(ticket).get(custom.get(name, 0))
    return ticket.get(PLACES.get(name, name))


def values(ticket: Mapping[str, Any]) -> dict[int, Any]:
    """The custom fields of a ticket, or of what is sent for one, by id."""
    rows = ticket.get("custom_fields") or ()
    return {row["id"]: row.get("value") for row in rows if isinstance(row, Mapping) and "id" in row}


def echo(ticket: Mapping[str, Any], names: Sequence[str], custom: Mapping[str, int]) -> dict[str, Any]:
    """What the ticket holds for each rendered field that it can show."""
    return {name: kept(ticket, name, custom) for name in names if name not in COMMENT and name != "follow_up_of"}


def unkept(
    sent: Mapping[str, Any], ticket: Mapping[str, Any], names: Sequence[str], custom: Mapping[str, int]
) -> dict[str, tuple[Any, Any]]:
    """The rendered fields whose value the remote did not take over, as (sent, kept).

    People are sent by e-mail and kept by id, so they cannot be compared; tags that others added do not count.
    """
    found: dict[str, tuple[Any, Any]] = {}
    for name in names:
        place = PLACES.get(name, name)
        ours = values(sent).get(custom.get(name, 0)) if name.startswith(CUSTOM) else sent.get(place)
        if ours is None or name in COMMENT or name in PEOPLE_LISTS:
            continue
        theirs = kept(ticket, name, custom)
        if not same(name, ours, theirs):
            found[name] = (ours, theirs)
    return found


def same(name: str, sent: Any, theirs: Any) -> bool:
    """Do the two say the same?"""
    if name == "tags":
        return set(sent) <= set(theirs or ())
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
