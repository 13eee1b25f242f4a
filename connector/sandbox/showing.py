"""What the page shows of a record, the same for both systems."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from connector.sandbox.clock import plain
from connector.sandbox.servicenow import ServiceNow
from connector.sandbox.zendesk import Zendesk

_WORDS = {"1": "critical", "2": "high", "3": "moderate", "4": "low", "5": "planning"}
_ZENDESK_WORDS = {"urgent": "critical", "high": "high", "normal": "moderate", "low": "low"}
_HIDDEN = {
    "sys_id", "number", "short_description", "description", "state", "incident_state", "problem_state", "priority",
    "sys_class_name", "sys_domain", "sys_domain_path", "task_effective_number", "sys_mod_count", "sys_updated_by",
    "sys_created_by", "sys_created_on", "sys_updated_on", "upon_approval", "upon_reject", "approval", "made_sla",
    "notify", "escalation", "knowledge", "reassignment_count", "reopen_count", "child_incidents", "severity", "active",
    "opened_at", "assignment_group", "caller_id", "problem_id", "parent_incident", "known_error", "major_problem",
    "related_incidents", "workaround_applied",
}  # fmt: skip


@dataclass
class File:
    """A file with the address of its bytes. `picture`: it may be shown."""

    name: str
    size: str
    kind: str
    href: str
    picture: bool


@dataclass
class Saying:
    """A comment or a note."""

    who: str
    when: str
    public: bool
    text: str
    files: list[File] = field(default_factory=list)


@dataclass
class Shown:
    """A record in a list, and with everything on its own page."""

    system: str
    kind: str
    number: str
    href: str
    title: str
    state: str
    over: bool
    priority: str
    person: str
    group: str
    when: str
    changed: str
    says: int
    files: list[File]
    text: str = ""
    facts: list[tuple[str, str]] = field(default_factory=list)
    sayings: list[Saying] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    linked: list[tuple[str, str, str]] = field(default_factory=list)


# -- ServiceNow


def incidents(instance: ServiceNow, table: str) -> list[Shown]:
    """All records of a table, the newest first."""
    return [_incident(instance, table, row) for row in reversed(instance.tables[table].rows.values())]


def incident(instance: ServiceNow, table: str, sys_id: str) -> Shown | None:
    """One record with everything."""
    row = instance.tables[table].rows.get(sys_id)
    if row is None:
        return None
    shown = _incident(instance, table, row)
    shown.text = row["description"]
    columns = instance.tables[table].columns
    for name, column in columns.items():
        value = row[name]
        if name not in _HIDDEN and value and value != column.default and not column.journal:
            shown.facts.append(
                (column.label, _listed(instance, column.type, value) or instance.view.shown(table, row, column, value))
            )
    shown.sayings = [
        Saying(
            _name(instance, entry["sys_created_by"]),
            entry["sys_created_on"],
            entry["element"] == "comments",
            entry["value"],
        )
        for entry in instance.journal(sys_id)
    ]
    shown.linked = _relatives(instance, row)
    return shown


def _incident(instance: ServiceNow, table: str, row: dict[str, str]) -> Shown:
    columns = instance.tables[table].columns
    person = row["caller_id"] if table == "incident" else row["opened_by"]
    return Shown(
        system="ServiceNow",
        kind=table,
        number=row["number"],
        href=f"/{table}.do?sys_id={row['sys_id']}",
        title=row["short_description"] or "(no short description)",
        state=instance.view.shown(table, row, columns["state"], row["state"]),
        over=row["active"] == "false" or row["state"] in ("6", "106"),
        priority=_WORDS.get(row["priority"], "planning"),
        person=_display(instance, "sys_user", person),
        group=_display(instance, "sys_user_group", row["assignment_group"]),
        when=row["sys_created_on"],
        changed=row["sys_updated_on"],
        says=len(instance.journal(row["sys_id"])),
        files=[
            _attachment(one) for one in instance.tables["sys_attachment"].where("table_sys_id", row["sys_id"]) or ()
        ],
    )


def _attachment(row: dict[str, str]) -> File:
    href = f"/files/servicenow/{row['sys_id']}"
    return File(
        row["file_name"], _size(int(row["size_bytes"])), row["content_type"], href, _is_picture(row["content_type"])
    )


def _display(instance: ServiceNow, table: str, sys_id: str) -> str:
    row = instance.tables[table].rows.get(sys_id)
    return row["name"] if row else sys_id


def _name(instance: ServiceNow, login: str) -> str:
    row = instance.tables["sys_user"].first("user_name", login)
    return row["name"] if row else login


def _listed(instance: ServiceNow, kind: str, value: str) -> str:
    """The members of a list column, by name."""
    if kind != "glide_list":
        return ""
    return ", ".join(_display(instance, "sys_user", one) for one in value.split(","))


def _relatives(instance: ServiceNow, row: dict[str, str]) -> list[tuple[str, str, str]]:
    found = []
    for column, word in (("parent_incident", "child"), ("problem_id", "incident")):
        for one in instance.tables["incident"].where(column, row["sys_id"]) or ():
            found.append((word, one["number"], f"/incident.do?sys_id={one['sys_id']}"))
    problem = instance.tables["problem"].rows.get(row.get("problem_id", ""))
    if problem:
        found.append(("problem", problem["number"], f"/problem.do?sys_id={problem['sys_id']}"))
    parent = instance.tables["incident"].rows.get(row.get("parent_incident", ""))
    if parent:
        found.append(("parent", parent["number"], f"/incident.do?sys_id={parent['sys_id']}"))
    return found


# -- Zendesk


def tickets(account: Zendesk) -> list[Shown]:
    """All tickets, the newest first."""
    return [
        _ticket(account, one) for _, one in sorted(account.tickets.items(), reverse=True) if one["status"] != "deleted"
    ]


def ticket(account: Zendesk, key: int) -> Shown | None:
    """One ticket with everything."""
    record = account.tickets.get(key)
    if record is None or record["status"] == "deleted":
        return None
    shown = _ticket(account, record)
    for label, value in (
        ("Type", record["type"]),
        ("Assignee", _user(account, record["assignee_id"])),
        ("Copied", ", ".join(_user(account, one) for one in record["email_cc_ids"])),
        ("External id", record["external_id"]),
        *((account.fields[entry["id"]]["title"], _value(account, entry)) for entry in record["custom_fields"]),
    ):
        if value:
            shown.facts.append((label, str(value)))
    shown.tags = record["tags"]
    for comment in account.comments.get(key, ()):
        files = [_upload(one) for one in comment["attachments"]]
        when = comment["created_at"].replace("T", " ").removesuffix("Z")
        shown.sayings.append(
            Saying(_user(account, comment["author_id"]), when, comment["public"], comment["body"], files)
        )
    shown.linked = [("incident", f"#{one}", f"/agent/tickets/{one}") for one in account.incidents.get(key, ())]
    if record["problem_id"]:
        shown.linked.append(("problem", f"#{record['problem_id']}", f"/agent/tickets/{record['problem_id']}"))
    return shown


def _ticket(account: Zendesk, record: dict[str, Any]) -> Shown:
    said = account.comments.get(record["id"], [])
    return Shown(
        system="Zendesk",
        kind=record["type"] or "ticket",
        number=f"#{record['id']}",
        href=f"/agent/tickets/{record['id']}",
        title=record["subject"] or "(no subject)",
        state=record["status"].capitalize(),
        over=record["status"] in ("solved", "closed"),
        priority=_ZENDESK_WORDS.get(record["priority"], "planning"),
        person=_user(account, record["requester_id"]),
        group=account.groups.get(record["group_id"], {}).get("name", ""),
        when=record["created_at"].replace("T", " ").removesuffix("Z"),
        changed=record["updated_at"].replace("T", " ").removesuffix("Z"),
        says=len(said),
        files=[_upload(one) for comment in said for one in comment["attachments"]],
    )


def _upload(attachment: dict[str, Any]) -> File:
    kind = attachment["content_type"]
    return File(
        attachment["file_name"],
        _size(attachment["size"]),
        kind,
        f"/files/zendesk/{attachment['id']}",
        _is_picture(kind),
    )


def _user(account: Zendesk, key: int | None) -> str:
    user = account.users.get(key or 0)
    return f"{user['name']} <{user['email']}>" if user else ""


def _value(account: Zendesk, entry: dict[str, Any]) -> str:
    """A custom field's value as people read it."""
    names = {option["value"]: option["name"] for option in account.fields[entry["id"]].get("custom_field_options", ())}
    value = entry["value"]
    if value in (None, False, ""):
        return ""
    if isinstance(value, list):
        return ", ".join(str(names.get(one, one)) for one in value)
    return "yes" if value is True else str(names.get(value, value))


# -- both


def _size(count: int) -> str:
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:.0f} KB" if count < 1024 * 1024 else f"{count / 1024 / 1024:.1f} MB"


def _is_picture(kind: str) -> bool:
    return kind.partition(";")[0].strip() in ("image/png", "image/jpeg", "image/gif")


def picture_type(data: bytes) -> str:
    """The type of a picture by its first bytes; anything else is just bytes."""
    for start, kind in ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif")):
        if data.startswith(start):
            return kind
    return "application/octet-stream"


def moment(seconds: float) -> str:
    """A sandbox moment for people, UTC."""
    return plain(int(seconds))
