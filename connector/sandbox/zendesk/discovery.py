"""What a client asks before it writes: groups, ticket fields, forms, statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.messages import Answer, Call, json_answer
from connector.sandbox.zendesk.errors import missing
from connector.sandbox.zendesk.paging import paged

if TYPE_CHECKING:
    from connector.sandbox.zendesk.account import Account

Record = dict[str, Any]


def groups(account: Account, call: Call, who: Record) -> Answer:
    """`GET /groups` and `GET /groups/assignable`."""
    return paged(call, "groups", list(account.groups.values()), lambda group: _with_url(call, "groups", group))


def group(account: Account, call: Call, who: Record, key: int) -> Answer:
    """`GET /groups/{id}`."""
    if key not in account.groups:
        raise missing()
    return json_answer(200, {"group": _with_url(call, "groups", account.groups[key])})


def fields(account: Account, call: Call, who: Record) -> Answer:
    """`GET /ticket_fields`: all at once, unless a page size is given."""
    found = list(account.fields.values())
    if "page[size]" in call.params:
        return paged(call, "ticket_fields", found, lambda field: _with_url(call, "ticket_fields", field))
    document = {"ticket_fields": [_with_url(call, "ticket_fields", field) for field in found]}
    return json_answer(200, {**document, "next_page": None, "previous_page": None, "count": len(found)})


def field(account: Account, call: Call, who: Record, key: int) -> Answer:
    """`GET /ticket_fields/{id}`."""
    if key not in account.fields:
        raise missing()
    return json_answer(200, {"ticket_field": _with_url(call, "ticket_fields", account.fields[key])})


def forms(account: Account, call: Call, who: Record) -> Answer:
    """`GET /ticket_forms`."""
    return paged(call, "ticket_forms", [account.form], lambda form: _with_url(call, "ticket_forms", form))


def _with_url(call: Call, kind: str, record: Record) -> Record:
    return {"url": f"{call.base}/api/v2/{kind}/{record['id']}.json", **record}
