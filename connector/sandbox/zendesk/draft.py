"""A ticket while it is being written: what changed, what was dropped, and what the fields make of the values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connector.sandbox.zendesk.errors import invalid, reason

if TYPE_CHECKING:
    from connector.sandbox.zendesk.account import Account

Record = dict[str, Any]

TYPES = ("problem", "incident", "question", "task")
PRIORITIES = ("urgent", "high", "normal", "low")
STATUSES = ("new", "open", "pending", "hold", "solved", "closed")

KNOWN = {
    "subject", "comment", "description", "requester_id", "requester", "submitter_id", "assignee_id",
    "assignee_email", "group_id", "organization_id", "type", "problem_id", "priority", "status", "custom_status_id",
    "tags", "custom_fields", "fields", "external_id", "due_at", "recipient", "brand_id", "ticket_form_id",
    "collaborators", "collaborator_ids", "additional_collaborators", "email_ccs", "followers", "follower_ids",
    "email_cc_ids", "via_followup_source_id", "macro_ids", "metadata", "sharing_agreement_ids", "safe_update",
    "updated_stamp", "additional_tags", "remove_tags", "raw_subject", "via_id", "via",
}  # fmt: skip
_NUMBERS = {
    "requester_id", "submitter_id", "assignee_id", "group_id", "organization_id", "problem_id", "brand_id",
    "ticket_form_id", "custom_status_id", "via_followup_source_id",
}  # fmt: skip
_OBJECTS = {"comment", "requester", "metadata"}
_LISTS = {"custom_fields", "fields", "email_ccs", "followers", "collaborators", "comments"}
_TAGS = {"tags", "additional_tags", "remove_tags"}
CREATE_ONLY = {"collaborators", "via_followup_source_id", "macro_ids"}
IMPORT_ONLY = {"created_at", "updated_at", "solved_at", "comments"}
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_NUMBER = re.compile(r"-?\d{1,18}")
_DECIMAL = re.compile(r"-?\d{1,18}(?:\.\d{1,9})?")


@dataclass
class Draft:
    """The new state of one ticket and the events that lead to it."""

    account: Account
    ticket: Record
    fresh: bool
    events: list[Record] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def set(self, name: str, value: Any, event: str | None = None) -> None:
        """Set a plain field; an event is noted only where that changes something."""
        before = self.ticket.get(name)
        if before == value:
            return
        self.ticket[name] = value
        self.note(event or name, before, value)

    def note(self, name: str, before: Any, value: Any) -> None:
        """Note a change; ids are strings in events."""
        shown = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        entry = {"id": self.account.next_id(), "type": "Create" if self.fresh else "Change"}
        entry |= {"value": shown, "field_name": name}
        if not self.fresh:
            previous = str(before) if isinstance(before, int) and not isinstance(before, bool) else before
            entry["previous_value"] = previous
        self.events.append(entry)

    def drop_unknown(self, values: Record, imported: bool) -> Record:
        """The values without the keys that nobody knows: those end in a header, not in an error."""
        allowed = KNOWN | (IMPORT_ONLY if imported else set())
        kept = {}
        for name, value in values.items():
            if name not in allowed or (name in CREATE_ONLY and not self.fresh):
                self.dropped.append(f"ticket.{name}")
            elif not _shaped(name, value):
                self.wrong.append(f"ticket.{name}")
            else:
                kept[name] = int(value) if name in _NUMBERS and isinstance(value, str) else value
        return kept

    def warning(self, action: str) -> list[tuple[str, str]]:
        """The `x-zendesk-api-warn` header, if there is something to warn of."""
        if not self.dropped and not self.wrong:
            return []
        unpermitted, wrong = (", ".join(f'"{name}"' for name in names) for names in (self.dropped, self.wrong))
        text = (
            f'{{:allowed_parameters=>{{:controller=>"tickets", :action=>"{action}", '
            f":unpermitted_keys=>[{unpermitted}], :invalid_values=>[{wrong}]}}}}"
        )
        return [("x-zendesk-api-warn", text.encode("ascii", "replace").decode()[:4000])]


def _shaped(name: str, value: Any) -> bool:
    """Whether the value has a shape that this key takes; null fits everywhere."""
    if value is None:
        return True
    if name in _NUMBERS:
        return isinstance(value, int) or (isinstance(value, str) and _NUMBER.fullmatch(value) is not None)
    if name in _OBJECTS:
        return isinstance(value, dict)
    if name in _LISTS:
        return isinstance(value, list)
    return isinstance(value, (str, int, float)) or (name in _TAGS and isinstance(value, list))


def choice(draft: Draft, values: Record, name: str, allowed: tuple[str, ...]) -> str | None:
    """A value of a fixed list. Refuses others; None where it was not sent, or sent empty."""
    value = values.get(name)
    if value in (None, ""):
        return None
    if value not in allowed:
        raise invalid(base=reason(f"{name.capitalize()}: is invalid"))
    return str(value)


def tags(value: Any) -> list[str]:
    """Tags as they are kept: lower case, no spaces, each once."""
    words = value if isinstance(value, list) else [value]
    return list(dict.fromkeys(part for word in words for part in str(word).lower().split()))


def custom(draft: Draft, entries: list[Any]) -> None:
    """Custom fields by id. What an option list does not know is ignored without a word."""
    held = {entry["id"]: entry["value"] for entry in draft.ticket["custom_fields"]}
    for entry in entries:
        key = entry.get("id") if isinstance(entry, dict) else None
        known = draft.account.fields.get(key) if isinstance(key, int) else None
        if known is None or not known["removable"]:
            draft.dropped.append("ticket.custom_fields")
            continue
        before = held.get(known["id"])
        value = _fit(known, entry.get("value"), before)
        if value != before:
            held[known["id"]] = value
            draft.note(str(known["id"]), before, value)
            _retag(draft, known, before, value)
    draft.ticket["custom_fields"] = [{"id": key, "value": value} for key, value in held.items()]


def _fit(known: Record, value: Any, before: Any) -> Any:
    """The value as this field keeps it."""
    if value in (None, "", []):
        return None if known["type"] != "checkbox" else False
    match known["type"]:
        case "checkbox":
            return value in (True, "true", "1", 1)
        case "tagger":
            return value if str(value) in _options(known) else before
        case "multiselect":
            chosen = value if isinstance(value, list) else [value]
            return [str(tag) for tag in chosen if str(tag) in _options(known)] or None
        case "date":
            return _checked(known, value, _DATE)
        case "integer":
            return _checked(known, value, _NUMBER)
        case "decimal":
            return _checked(known, value, _DECIMAL)
        case _:
            return str(value)[:65536]


def _options(known: Record) -> set[str]:
    return {option["value"] for option in known["custom_field_options"]}


def _checked(known: Record, value: Any, pattern: re.Pattern[str]) -> str:
    text = str(value)
    if not pattern.fullmatch(text):
        more = {"ticket_field_id": known["id"], "ticket_field_type": f"Field{known['type'].capitalize()}"}
        raise invalid(base=[{"description": f"{known['title']}: is invalid", "error": "InvalidValue", **more}])
    return text


def _retag(draft: Draft, known: Record, before: Any, value: Any) -> None:
    """Dropdowns and checkboxes are tags too."""
    if known["type"] == "checkbox":
        old, new = ([known["tag"]] if flag and known["tag"] else [] for flag in (before, value))
    elif known["type"] in ("tagger", "multiselect"):
        old, new = ([one] if isinstance(one, str) else list(one or ()) for one in (before, value))
    else:
        return
    kept = [tag for tag in draft.ticket["tags"] if tag not in old]
    draft.set("tags", list(dict.fromkeys([*kept, *new])))
