"""Merging: the sources are closed with a word of where they went, the target hears of each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from connector.sandbox.messages import Answer, Call
from connector.sandbox.zendesk import comments, jobs, writing
from connector.sandbox.zendesk.bodies import read
from connector.sandbox.zendesk.draft import Draft
from connector.sandbox.zendesk.errors import invalid, reason
from connector.sandbox.zendesk.tickets import find
from connector.sandbox.zendesk.working import Step

if TYPE_CHECKING:
    from connector.sandbox.zendesk.account import Account

Record = dict[str, Any]

TAG = "closed_by_merge"


def merge(account: Account, call: Call, who: Record, key: int) -> Answer:
    """`POST /tickets/{id}/merge` with `ids`: a job, as all calls for many."""
    find(account, key)
    sent = read(call)
    sources = [one for one in sent.get("ids") or () if isinstance(one, int) and one != key]
    if not sources:
        raise invalid(base=reason("Merge: no source tickets"))
    steps = [Step({"id": one, "action": "merge"}, partial(_into, account, who, key, one, sent), {}) for one in sources]
    return jobs.queue(account, call, "Ticket Merge", "Merging ticket", steps)


def _into(account: Account, who: Record, target: int, source: int, sent: Record) -> Record:
    ticket = find(account, source)
    if ticket["status"] == "closed":
        raise invalid(status=reason("Status: closed prevents ticket update", "ClosedTicket"))
    gone = f"This request was closed and merged into request #{target}."
    come = f"Request #{source} was closed and merged into this request."
    draft = Draft(account, dict(ticket), fresh=False)
    draft.set("status", "closed")
    draft.set("tags", [*ticket["tags"], TAG])
    _say(account, who, draft, sent, "source", gone)
    _say(account, who, Draft(account, dict(find(account, target)), fresh=False), sent, "target", come)
    return {"status": "Merged", "success": True}


def _say(account: Account, who: Record, draft: Draft, sent: Record, side: str, otherwise: str) -> None:
    said = {"body": sent.get(f"{side}_comment") or otherwise, "public": sent.get(f"{side}_comment_is_public", False)}
    comment = comments.compose(account, said, who["id"])
    writing.commit(account, draft, [comment] if comment else [], who, {})
