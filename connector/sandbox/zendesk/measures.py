"""What is counted of a ticket: its metric set, made from its audits when it is asked for; and ratings."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from connector.sandbox.messages import Answer, Call, json_answer
from connector.sandbox.zendesk.paging import paged
from connector.sandbox.zendesk.tickets import find

if TYPE_CHECKING:
    from connector.sandbox.zendesk.account import Account

Record = dict[str, Any]

_OVER = ("solved", "closed")


def show(account: Account, call: Call, who: Record, key: int) -> Answer:
    """`GET /tickets/{id}/metrics`."""
    return json_answer(200, {"ticket_metric": metric_set(account, find(account, key))})


def list_all(account: Account, call: Call, who: Record) -> Answer:
    """`GET /ticket_metrics`: the newest first, archived tickets left out."""
    living = [t for t in account.tickets.values() if t["status"] != "deleted" and t["id"] not in account.archived]
    living.sort(key=lambda ticket: int(ticket["id"]), reverse=True)
    return paged(call, "ticket_metrics", living, lambda ticket: metric_set(account, ticket))


def metric_set(account: Account, ticket: Record) -> Record:
    """Counts and times of one ticket; a time is null until it has been reached."""
    changes = _changes(account, ticket["id"])
    solved = [at for name, before, value, at in changes if name == "status" and value in _OVER and before not in _OVER]
    if imported := account.solved_at.get(ticket["id"]):
        solved.append(imported)
    reopened = [1 for name, before, value, _ in changes if name == "status" and before in _OVER and value not in _OVER]
    replies = [comment for comment in account.comments.get(ticket["id"], ())[1:] if _is_reply(account, comment)]
    born, assigned = ticket["created_at"], [at for name, _, value, at in changes if name == "assignee_id" and value]
    return {
        "ticket_id": ticket["id"],
        "reopens": len(reopened),
        "replies": len(replies),
        "assignee_stations": len(assigned),
        "group_stations": len([1 for name, _, value, _ in changes if name == "group_id" and value]),
        "created_at": born,
        "initially_assigned_at": assigned[0] if assigned else None,
        "assigned_at": assigned[-1] if assigned else None,
        "solved_at": solved[-1] if solved and ticket["status"] in _OVER else None,
        "status_updated_at": max([at for name, _, _, at in changes if name == "status"], default=born),
        "reply_time_in_minutes": _minutes(born, replies[0]["created_at"] if replies else None),
        "first_resolution_time_in_minutes": _minutes(born, solved[0] if solved else None),
        "full_resolution_time_in_minutes": _minutes(born, solved[-1] if solved else None),
    }


def _changes(account: Account, key: int) -> list[tuple[str, Any, Any, str]]:
    """Field, value before, value after, moment; in order."""
    return [
        (event["field_name"], event.get("previous_value"), event["value"], audit["created_at"])
        for audit in account.audits.get(key, ())
        for event in audit["events"]
        if "field_name" in event
    ]


def _is_reply(account: Account, comment: Record) -> bool:
    return bool(comment["public"]) and account.users[comment["author_id"]]["role"] != "end-user"


def _minutes(start: str, end: str | None) -> Record:
    if end is None:
        return {"calendar": None, "business": None}
    seconds = (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
    return dict.fromkeys(("calendar", "business"), max(int(seconds // 60), 0))


def ratings(account: Account, call: Call, who: Record) -> Answer:
    """`GET /satisfaction_ratings`, by score and by time (seconds since the epoch) where asked."""
    score, start, end = call.param("score"), call.whole("start_time", 0), call.whole("end_time", 2**62)
    found = [
        rating
        for rating in account.ratings
        if (not score or rating["score"] == score)
        and start <= datetime.fromisoformat(rating["created_at"]).timestamp() <= end
    ]
    return paged(call, "satisfaction_ratings", found, lambda rating: rating)
