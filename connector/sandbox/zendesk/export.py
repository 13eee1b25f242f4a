"""Incremental exports: everything that changed since, the newest moments withheld, deleted tickets included."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from connector.sandbox.messages import Answer, Call, Refusal, json_answer
from connector.sandbox.zendesk.errors import plain
from connector.sandbox.zendesk.measures import metric_set
from connector.sandbox.zendesk.paging import decode, encode
from connector.sandbox.zendesk.tickets import shown as shown_ticket

if TYPE_CHECKING:
    from connector.sandbox.zendesk.account import Account

Record = dict[str, Any]

# A cursor is a second and an id within it, in one number; ids stay below this.
_WIDTH = 10**12


def by_cursor(account: Account, call: Call, who: Record) -> Answer:
    """`GET /incremental/tickets/cursor?start_time=` once, then `?cursor=`, until `end_of_stream`."""
    at = decode(call.param("cursor"))
    if at is None:
        at = _start(account, call) * _WIDTH - 1
    size = min(max(call.whole("per_page", 1000), 1), 1000)
    tickets = [ticket for ticket in _ready(account, call) if _place(ticket) > at]
    page = tickets[:size]
    after = encode(_place(page[-1]) if page else at)
    document = {
        "tickets": [_shown(account, call, ticket) for ticket in page],
        "after_cursor": after,
        "after_url": f"{call.base}{call.path}?cursor={after}&per_page={size}",
        "before_cursor": None,
        "before_url": None,
        "end_of_stream": len(tickets) <= size,
    }
    return json_answer(200, document)


def by_time(account: Account, call: Call, who: Record) -> Answer:
    """`GET /incremental/tickets?start_time=`: all tickets of one second come together, whatever the page size."""
    start = _start(account, call)
    size = min(max(call.whole("per_page", 1000), 1), 1000)
    tickets = [ticket for ticket in _ready(account, call) if ticket["generated_timestamp"] >= start]
    page = tickets[:size]
    page += [one for one in tickets[size:] if page and one["generated_timestamp"] == page[-1]["generated_timestamp"]]
    end = page[-1]["generated_timestamp"] if page else start
    document = {
        "tickets": [_shown(account, call, ticket) for ticket in page],
        "count": len(page),
        "end_time": end,
        "next_page": f"{call.base}{call.path}?start_time={end}&per_page={size}",
        "end_of_stream": len(tickets) <= len(page),
    }
    return json_answer(200, document)


def _start(account: Account, call: Call) -> int:
    start = call.whole("start_time", -1)
    if start < 0:
        raise plain(400, "Required parameter missing: start_time")
    if start > account.clock.now() - account.export_delay:
        text = f"Too recent start_time. Use a start_time older than {account.export_delay:g} seconds"
        raise Refusal(json_answer(400, {"error": "StartTimeTooRecent", "description": text}))
    return start


def _ready(account: Account, call: Call) -> list[Record]:
    horizon = account.clock.now() - account.export_delay
    gone = call.param("exclude_deleted") == "true"
    found = [
        ticket
        for ticket in account.tickets.values()
        if ticket["generated_timestamp"] <= horizon and not (gone and ticket["status"] == "deleted")
    ]
    key: Callable[[Record], int] = _place
    return sorted(found, key=key)


def _place(ticket: Record) -> int:
    return int(ticket["generated_timestamp"]) * _WIDTH + int(ticket["id"])


def _shown(account: Account, call: Call, ticket: Record) -> Record:
    found = shown_ticket(call, ticket)
    if "metric_sets" in call.param("include"):
        found["metric_set"] = metric_set(account, ticket)
    return found
