"""The ticket endpoints: one ticket at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.messages import Answer, Call, json_answer
from connector.sandbox.zendesk import idempotency, importing, writing
from connector.sandbox.zendesk.bodies import read, read_object
from connector.sandbox.zendesk.draft import tags
from connector.sandbox.zendesk.errors import missing
from connector.sandbox.zendesk.paging import paged
from connector.sandbox.zendesk.users import shown as shown_user

if TYPE_CHECKING:
    from connector.sandbox.zendesk.account import Account

Record = dict[str, Any]


def shown(call: Call, ticket: Record, fields: bool = True) -> Record:
    """A ticket as clients see it; lists by cursor leave `fields` out."""
    found = {"url": f"{call.base}/api/v2/tickets/{ticket['id']}.json", **ticket}
    if fields:
        found["fields"] = ticket["custom_fields"]
    return found


def find(account: Account, key: int) -> Record:
    """A ticket that exists. Refuses with 404."""
    ticket = account.tickets.get(key)
    if ticket is None or ticket["status"] == "deleted":
        raise missing()
    return ticket


def create(account: Account, call: Call, who: Record) -> Answer:
    """`POST /tickets`, once for each idempotency key."""
    known = idempotency.replay(account, call)
    if known is not None:
        return known
    ticket, audit, draft = writing.create(account, who, read_object(call, "ticket"), account.since(call))
    place = f"{call.base}/api/v2/tickets/{ticket['id']}.json"
    document = {"ticket": shown(call, ticket), "audit": audit}
    answer = json_answer(201, document, [("Location", place), *draft.warning("create")])
    return idempotency.remember(account, call, answer)


def import_one(account: Account, call: Call, who: Record) -> Answer:
    """`POST /imports/tickets`: no audit in the answer, no idempotency key."""
    ticket, _, draft = writing.create(account, who, read_object(call, "ticket"), account.since(call), imported=True)
    importing.settle(account, ticket, call.param("archive_immediately") == "true")
    place = f"{call.base}/api/v2/tickets/{ticket['id']}.json"
    return json_answer(201, {"ticket": shown(call, ticket)}, [("Location", place), *draft.warning("create")])


def show(account: Account, call: Call, who: Record, key: int) -> Answer:
    """`GET /tickets/{id}`."""
    ticket = find(account, key)
    more: Record = {}
    if "users" in call.param("include"):
        people = {ticket["requester_id"], ticket["submitter_id"], ticket["assignee_id"]}
        more = {"users": [shown_user(call, account.users[one]) for one in sorted(people - {None})]}
    return json_answer(200, {"ticket": shown(call, ticket), **more})


def list_tickets(account: Account, call: Call, who: Record) -> Answer:
    """`GET /tickets`, by external id where asked (any number of tickets may carry it)."""
    external = call.param("external_id")
    if external:
        horizon = account.clock.now() - account.list_lag
        keys = account.tickets_by_external_id.get(external, [])
        found = [account.tickets[key] for key in sorted(keys) if account.born[key] <= horizon]
    else:
        found = [account.tickets[key] for key in sorted(account.tickets)]
    found = [ticket for ticket in found if ticket["id"] not in account.archived]
    by_cursor = "page[size]" in call.params
    return paged(call, "tickets", _alive(found), lambda ticket: shown(call, ticket, fields=not by_cursor))


def show_many(account: Account, call: Call, who: Record) -> Answer:
    """`GET /tickets/show_many?ids=`: ordered by id; what is missing is absent."""
    keys = sorted(set(call.numbers("ids")))[:100]
    found = _alive([account.tickets[key] for key in keys if key in account.tickets])
    return paged(call, "tickets", found, lambda ticket: shown(call, ticket))


def _alive(tickets: list[Record]) -> list[Record]:
    return [ticket for ticket in tickets if ticket["status"] != "deleted"]


def update(account: Account, call: Call, who: Record, key: int) -> Answer:
    """`PUT /tickets/{id}`."""
    values = read_object(call, "ticket")
    ticket, audit, draft = writing.update(account, who, find(account, key), values, account.since(call))
    return json_answer(200, {"ticket": shown(call, ticket), "audit": audit}, draft.warning("update"))


def delete(account: Account, call: Call, who: Record, key: int) -> Answer:
    """`DELETE /tickets/{id}`: a soft delete, seen in exports as status `deleted`."""
    writing.keep(account, {**find(account, key), "status": "deleted", "updated_at": account.stamp()})
    return Answer(204)


def comments(account: Account, call: Call, who: Record, key: int) -> Answer:
    """`GET /tickets/{id}/comments`, oldest first unless asked otherwise."""
    find(account, key)
    found = list(account.comments.get(key, ()))
    if call.param("sort") == "-created_at" or call.param("sort_order") == "desc":
        found.reverse()
    more: Record = {}
    if "users" in call.param("include"):
        people = sorted({comment["author_id"] for comment in found})
        more = {"users": [shown_user(call, account.users[one]) for one in people]}
    return paged(call, "comments", found, lambda comment: comment, **more)


def make_private(account: Account, call: Call, who: Record, key: int, comment: int) -> Answer:
    """`PUT /tickets/{id}/comments/{id}/make_private`."""
    find(account, key)
    for one in account.comments.get(key, ()):
        if one["id"] == comment:
            one["public"] = False
            return Answer(200)
    raise missing()


def audits(account: Account, call: Call, who: Record, key: int) -> Answer:
    """`GET /tickets/{id}/audits`."""
    find(account, key)
    return paged(call, "audits", account.audits.get(key, []), lambda audit: audit)


def incidents(account: Account, call: Call, who: Record, key: int) -> Answer:
    """`GET /tickets/{id}/incidents`."""
    find(account, key)
    found = _alive([account.tickets[one] for one in account.incidents.get(key, ())])
    return paged(call, "tickets", found, lambda ticket: shown(call, ticket))


def problems(account: Account, call: Call, who: Record) -> Answer:
    """`GET /problems`, the latest change first."""
    found = [ticket for ticket in account.tickets.values() if ticket["type"] == "problem"]
    found.sort(key=lambda ticket: (ticket["updated_at"], ticket["id"]), reverse=True)
    return paged(call, "tickets", _alive(found), lambda ticket: shown(call, ticket))


def related(account: Account, call: Call, who: Record, key: int) -> Answer:
    """`GET /tickets/{id}/related`."""
    ticket = find(account, key)
    counts = {"incidents": len(account.incidents.get(key, ())), "followup_source_ids": [], "topic_id": None}
    return json_answer(
        200, {"ticket_related": {"url": f"{call.base}/api/v2/tickets/{ticket['id']}/related.json", **counts}}
    )


def show_tags(account: Account, call: Call, who: Record, key: int) -> Answer:
    """`GET /tickets/{id}/tags`."""
    return json_answer(200, {"tags": find(account, key)["tags"]})


def set_tags(account: Account, call: Call, who: Record, key: int) -> Answer:
    """`POST /tickets/{id}/tags`: the whole set."""
    return _tagged(account, who, key, 201, {"tags": tags(read(call).get("tags") or [])})


def add_tags(account: Account, call: Call, who: Record, key: int) -> Answer:
    """`PUT /tickets/{id}/tags`: more of them."""
    return _tagged(account, who, key, 200, {"additional_tags": tags(read(call).get("tags") or [])})


def remove_tags(account: Account, call: Call, who: Record, key: int) -> Answer:
    """`DELETE /tickets/{id}/tags`: fewer of them."""
    return _tagged(account, who, key, 200, {"remove_tags": tags(read(call).get("tags") or [])})


def _tagged(account: Account, who: Record, key: int, status: int, values: Record) -> Answer:
    ticket, _, _ = writing.update(account, who, find(account, key), values, account.clock.now())
    return json_answer(status, {"tags": ticket["tags"]})
