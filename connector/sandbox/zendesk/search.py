"""Search: through an index that lags, a thousand results at most."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from connector.sandbox.messages import Answer, Call, Refusal, json_answer
from connector.sandbox.zendesk.draft import STATUSES
from connector.sandbox.zendesk.errors import plain
from connector.sandbox.zendesk.paging import paged
from connector.sandbox.zendesk.tickets import shown as shown_ticket
from connector.sandbox.zendesk.users import shown as shown_user

if TYPE_CHECKING:
    from connector.sandbox.zendesk.account import Account

Record = dict[str, Any]

_TERM = re.compile(r'(-?)(?:([a-z_]{1,40})(:|>=|<=|>|<))?("[^"]{0,500}"|[^\s"]{1,500})')
_MOST = 1000
_TEXT = ("subject", "description")
_RANKS = {"status": STATUSES, "priority": ("low", "normal", "high", "urgent")}
_PEOPLE = {"requester": "requester_id", "assignee": "assignee_id", "submitter": "submitter_id"}


def search(account: Account, call: Call, who: Record) -> Answer:
    """`GET /search?query=`."""
    number, size = max(call.whole("page", 1), 1), min(max(call.whole("per_page", 100), 1), 100)
    if number * size > _MOST:
        text = "Requested response size was greater than Search Response Limits"
        raise Refusal(json_answer(422, {"error": "invalid", "description": text}))
    return paged(call, "results", _found(account, call), lambda record: record, facets=None)


def export(account: Account, call: Call, who: Record) -> Answer:
    """`GET /search/export?query=&filter[type]=`: by cursor, ordered by creation."""
    call.params.setdefault("page[size]", "100")
    return paged(call, "results", _found(account, call), lambda record: record, facets=None)


def count(account: Account, call: Call, who: Record) -> Answer:
    """`GET /search/count?query=`."""
    return json_answer(200, {"count": len(_found(account, call))})


def _found(account: Account, call: Call) -> list[Record]:
    query = call.param("query")
    if not query and not call.param("filter[type]"):
        raise plain(400, "Required parameter missing: query")
    terms = [match.groups() for match in _TERM.finditer(query[:2000].lower())]
    kinds = {value for _, name, _, value in terms if name == "type"} | {call.param("filter[type]")} - {""}
    rest = [(minus, name, test, value.strip('"')) for minus, name, test, value in terms if name != "type"]
    horizon = account.clock.now() - account.index_lag
    results = []
    if not kinds or "ticket" in kinds:
        for key, ticket in account.tickets.items():
            if account.born[key] <= horizon and ticket["status"] != "deleted" and _matches(account, ticket, rest):
                results.append({**shown_ticket(call, ticket), "result_type": "ticket"})
    if "user" in kinds:
        for key, user in account.users.items():
            if account.born.get(key, 0.0) <= horizon and _matches(account, user, rest):
                results.append({**shown_user(call, user), "result_type": "user"})
    return results


def _matches(account: Account, record: Record, terms: list[tuple[str, str, str, str]]) -> bool:
    return all(_holds(account, record, name, test, value) is (minus == "") for minus, name, test, value in terms)


def _holds(account: Account, record: Record, name: str | None, test: str, value: str) -> bool:
    if not name:
        texts = [record.get(key) for key in (*_TEXT, "name", "email")]
        return any(value in str(text).lower() for text in texts if text)
    if name == "tags":
        return value in record["tags"]
    if name in ("created", "updated"):
        return _compare(str(record[name + "_at"]).lower(), test, value)
    if name in _PEOPLE:
        user = account.users.get(record.get(_PEOPLE[name]) or 0, {})
        return value in (str(user.get("id")), str(user.get("email")).lower(), str(user.get("name")).lower())
    if name == "fieldvalue":
        return any(str(entry["value"]).lower() == value for entry in record.get("custom_fields", ()))
    if name in _RANKS and value in _RANKS[name] and record.get(name):
        rank = _RANKS[name].index
        return _compare(str(rank(record[name])), test, str(rank(value)))
    have = record.get({"ticket_type": "type"}.get(name, name))
    return have is not None and _compare(str(have).lower(), test, value)


def _compare(have: str, test: str, want: str) -> bool:
    short = have[: len(want)]
    return {":": have == want, ">": short > want, ">=": short >= want, "<": short < want, "<=": short <= want}[test]
