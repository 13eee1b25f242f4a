"""Creating and changing tickets, with the rules that the account applies on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.zendesk import comments, importing, problems, statuses
from connector.sandbox.zendesk.draft import PRIORITIES, STATUSES, TYPES, Draft, choice, custom, tags
from connector.sandbox.zendesk.errors import conflict, invalid, reason
from connector.sandbox.zendesk.seed import BRAND_ID, FORM_ID
from connector.sandbox.zendesk.users import make, requester

if TYPE_CHECKING:
    from connector.sandbox.zendesk.account import Account

Record = dict[str, Any]

_PLAIN = ("subject", "external_id", "organization_id", "recipient", "ticket_form_id", "brand_id")


def create(
    account: Account, who: Record, values: Record, since: float, imported: bool = False
) -> tuple[Record, Record, Draft]:
    """A new ticket, its audit, and the draft with its warnings. Raises `Refusal`; then nothing was kept.

    `since` is when the call began: it collides with another one that has made the same requester since then.
    """
    draft = Draft(account, _blank(account), fresh=True)
    values = draft.drop_unknown(values, imported)
    asked = requester(account, values, since)
    draft.set("requester_id", asked if asked is not None else who["id"])
    draft.set("submitter_id", account.known(values.get("submitter_id"), who["id"]))
    parent = _followed(account, values)
    if parent is not None:
        draft.ticket["tags"] = list(parent["tags"])
    sent = values.get("comment")
    if sent is None and values.get("description"):
        sent = {"body": values["description"]}
    author = who["id"] if parent is not None else draft.ticket["submitter_id"]
    written = importing.compose(draft, values, author) if imported else []
    if sent is not None or not written:
        written.insert(0, comments.compose(account, sent, author))
    first = written[0]
    if first is None:
        raise invalid(base=reason("Description: cannot be blank", "BlankValue"))
    _apply(draft, values, who)
    if not draft.ticket["subject"]:
        draft.ticket["subject"] = first["body"].strip().splitlines()[0][:150]
    draft.ticket.update(description=first["body"], raw_subject=draft.ticket["subject"], is_public=first["public"])
    _settle_status(draft, values, who)
    ticket = draft.ticket
    ticket["id"] = next(account.ticket_ids)
    if imported:
        importing.stamp(draft, values)
    if parent is not None:
        parent["followup_ids"].append(ticket["id"])
        ticket["via"] = _via_followup(parent)
    audit = commit(account, draft, [one for one in written if one is not None], who, values)
    if not imported or ticket["status"] == "closed":
        account.triggered[ticket["id"]] += 1
    return ticket, audit, draft


def update(account: Account, who: Record, ticket: Record, values: Record, since: float) -> tuple[Record, Record, Draft]:
    """The ticket after a change. Raises `Refusal`; then nothing was kept. `since`: as in `create`."""
    if ticket["status"] == "closed":
        raise invalid(status=reason("Status: closed prevents ticket update", "ClosedTicket"))
    if "safe_update" in values and values.get("updated_stamp") != ticket["updated_at"]:
        raise conflict()
    draft = Draft(account, dict(ticket), fresh=False)
    values = draft.drop_unknown({name: value for name, value in values.items() if name != "id"}, imported=False)
    asked = requester(account, values, since)
    if asked is not None:
        draft.set("requester_id", asked)
    comment = comments.compose(account, values.get("comment"), who["id"])
    if comment is not None:
        comments.guard(account, ticket["id"])
    _apply(draft, values, who)
    draft.ticket["raw_subject"] = draft.ticket["subject"]
    _settle_status(draft, values, who)
    if comment is not None and "status" not in values:
        _reopen(account, draft, comment)
    audit = commit(account, draft, [comment] if comment else [], who, values)
    account.triggered[ticket["id"]] += 1
    problems.cascade(account, who, ticket, draft.ticket, comment, commit)
    return draft.ticket, audit, draft


def _blank(account: Account) -> Record:
    return {
        "id": 0,
        "external_id": None,
        "via": {"channel": "api", "source": {"from": {}, "to": {}, "rel": None}},
        "created_at": account.stamp(),
        "updated_at": account.stamp(),
        "generated_timestamp": 0,
        "type": None,
        "subject": None,
        "raw_subject": None,
        "description": None,
        "priority": None,
        "status": "new",
        "recipient": None,
        "requester_id": None,
        "submitter_id": None,
        "assignee_id": None,
        "organization_id": None,
        "group_id": None,
        "collaborator_ids": [],
        "follower_ids": [],
        "email_cc_ids": [],
        "forum_topic_id": None,
        "problem_id": None,
        "has_incidents": False,
        "is_public": True,
        "due_at": None,
        "tags": [],
        "custom_fields": [
            {"id": field["id"], "value": False if field["type"] == "checkbox" else None}
            for field in account.custom_fields
        ],
        "satisfaction_rating": None,
        "sharing_agreement_ids": [],
        "custom_status_id": None,
        "followup_ids": [],
        "ticket_form_id": FORM_ID,
        "brand_id": BRAND_ID,
        "allow_channelback": False,
        "allow_attachments": True,
        "from_messaging_channel": False,
    }


def _followed(account: Account, values: Record) -> Record | None:
    """The parent of a follow-up; only closed tickets can be followed, anything else is silently no follow-up."""
    parent = account.tickets.get(values.get("via_followup_source_id") or 0)
    return parent if parent is not None and parent["status"] == "closed" else None


def _via_followup(parent: Record) -> Record:
    origin = {"ticket_id": parent["id"], "subject": parent["subject"], "channel": "api"}
    return {"channel": "api", "source": {"from": origin, "to": {}, "rel": "follow_up"}}


def _apply(draft: Draft, values: Record, who: Record) -> None:
    """Everything but people, comments and status."""
    for name in _PLAIN:
        if name in values:
            value = values[name]
            draft.set(name, str(value) if name in ("subject", "external_id") and value is not None else value)
    kind = choice(draft, values, "type", TYPES)
    if kind or ("type" in values and values["type"] is None):
        draft.set("type", kind)
    if priority := choice(draft, values, "priority", PRIORITIES):  # once set it cannot be taken away
        draft.set("priority", priority)
    if "due_at" in values and draft.ticket["type"] == "task":
        draft.set("due_at", values["due_at"])
    if "tags" in values:
        draft.set("tags", tags(values["tags"] or []))
    if more := values.get("additional_tags"):
        draft.set("tags", tags([*draft.ticket["tags"], *tags(more)]))
    if gone := values.get("remove_tags"):
        draft.set("tags", [tag for tag in draft.ticket["tags"] if tag not in tags(gone)])
    for name in ("custom_fields", "fields"):
        if values.get(name):
            custom(draft, values[name])
    _link(draft, values)
    _assign(draft, values)
    _copy(draft, values)


def _link(draft: Draft, values: Record) -> None:
    """An incident hangs on a problem."""
    if "problem_id" not in values:
        return
    key = values["problem_id"]
    if key is None or draft.ticket["type"] != "incident":
        draft.set("problem_id", None)
        return
    problem = draft.account.tickets.get(key) if isinstance(key, int) else None
    if problem is None or problem["type"] != "problem":
        raise invalid(problem_id=reason("Problem: is invalid"))
    draft.set("problem_id", key)


def _assign(draft: Draft, values: Record) -> None:
    account = draft.account
    if "group_id" in values:
        if values["group_id"] is not None and values["group_id"] not in account.groups:
            raise invalid(group=reason("Group: is invalid"))
        draft.set("group_id", values["group_id"])
    key = values.get("assignee_id")
    if email := values.get("assignee_email"):
        key = account.user_by_email.get(str(email).lower(), -1)
    if key is not None:
        agent = account.users.get(key)
        if agent is None or agent["role"] == "end-user":
            raise invalid(assignee=reason("Assignee: is invalid"))
        draft.set("assignee_id", key)
        if draft.ticket["group_id"] is None:
            draft.set("group_id", agent["default_group_id"])
    elif "assignee_id" in values:
        draft.set("assignee_id", None)


def _copy(draft: Draft, values: Record) -> None:
    """Followers and copied people."""
    for name, kept in (("email_ccs", "email_cc_ids"), ("followers", "follower_ids"), ("collaborators", "email_cc_ids")):
        for entry in values.get(name) or ():
            key = _person(draft.account, entry)
            gone = isinstance(entry, dict) and entry.get("action") == "delete"
            if key is not None:
                others = [one for one in draft.ticket[kept] if one != key]
                draft.set(kept, others if gone else [*others, key])
    draft.ticket["collaborator_ids"] = [*draft.ticket["follower_ids"], *draft.ticket["email_cc_ids"]]


def _person(account: Account, entry: Any) -> int | None:
    """Who is meant: by id, by e-mail address, or by an object with either."""
    named = entry if isinstance(entry, dict) else {}
    key = entry if isinstance(entry, int) else named.get("user_id")
    if isinstance(key, int):
        return key if key in account.users else None
    email = entry if isinstance(entry, str) else named.get("user_email") or named.get("email")
    if not isinstance(email, str) or not email:
        return None
    known = account.user_by_email.get(email.lower())
    name = str(named.get("user_name") or named.get("name") or "")
    return known if known is not None else int(make(account, name, email.lower())["id"])


def _settle_status(draft: Draft, values: Record, who: Record) -> None:
    ticket = draft.ticket
    status = choice(draft, values, "status", STATUSES) or statuses.category(values)
    if status == "new" and not draft.fresh and ticket["status"] != "new":
        status = None  # nothing becomes new again
    if status in (None, "new") and ticket["status"] == "new" and ticket["assignee_id"] is not None:
        status = "open"
    if status in ("solved", "closed") and ticket["assignee_id"] is None:
        if not draft.account.auto_assign_on_solve:
            raise invalid(base=reason("Assignee: is required when solving a ticket", None))
        draft.set("assignee_id", who["id"])
    if status == "solved":
        _require(draft)
    if status is not None:
        draft.set("status", status)
    statuses.agree(draft, values)
    if draft.fresh:
        draft.note("status", None, ticket["status"])


def _require(draft: Draft) -> None:
    held = {entry["id"]: entry["value"] for entry in draft.ticket["custom_fields"]}
    for field in draft.account.custom_fields:
        if field["required"] and held.get(field["id"]) in (None, False):
            more = {"ticket_field_id": field["id"], "ticket_field_type": f"Field{field['type'].capitalize()}"}
            text = f"{field['title']}: is required when solving a ticket"
            raise invalid(base=[{"description": text, **more, "error": None}])


def _reopen(account: Account, draft: Draft, comment: Record) -> None:
    """What an end user says on a waiting or solved ticket opens it again."""
    author = account.users[comment["author_id"]]
    if author["role"] == "end-user" and draft.ticket["status"] in ("pending", "hold", "solved"):
        draft.set("status", "open")


def commit(account: Account, draft: Draft, written: list[Record], who: Record, values: Record) -> Record:
    """Keep the ticket, its comments and the audit."""
    ticket, key = draft.ticket, draft.ticket["id"]
    metadata = values.get("metadata")
    audit = {
        "id": account.next_id(),
        "ticket_id": key,
        "created_at": account.stamp(),
        "author_id": written[0]["author_id"] if written else who["id"],
        "metadata": {"system": {"client": "api"}, "custom": metadata if isinstance(metadata, dict) else {}},
        "events": draft.events,
        "via": ticket["via"] if draft.fresh else {"channel": "api", "source": {"from": {}, "to": {}, "rel": None}},
    }
    for comment in written:
        comments.attach(account, comment)
        comment.update(audit_id=audit["id"], metadata=audit["metadata"])
        draft.events.insert(
            0, {name: comment[name] for name in comment if name not in ("created_at", "metadata", "via")}
        )
    account.comments.setdefault(key, []).extend(written)
    if draft.events:
        if not draft.fresh:
            ticket["updated_at"] = account.stamp()
        account.audits.setdefault(key, []).append(audit)
    keep(account, ticket)
    return audit


def keep(account: Account, ticket: Record) -> None:
    """Put a ticket into the account, its look-ups included."""
    key = ticket["id"]
    before = account.tickets.get(key)
    ticket["generated_timestamp"] = int(account.clock.now())
    if before is None:
        account.born[key] = account.clock.now()
    _move(account.tickets_by_external_id, key, before and before["external_id"], ticket["external_id"])
    _move(account.incidents, key, before and before["problem_id"], ticket["problem_id"])
    account.tickets[key] = ticket
    for problem in {before and before["problem_id"], ticket["problem_id"]} - {None}:
        account.tickets[problem]["has_incidents"] = bool(account.incidents.get(problem))


def _move(index: dict[Any, list[int]], key: int, was: Any, now: Any) -> None:
    if was == now:
        return
    if was is not None and key in index.get(was, ()):
        index[was].remove(key)
    if now is not None:
        index.setdefault(now, []).append(key)
