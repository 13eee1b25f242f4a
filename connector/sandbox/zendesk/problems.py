"""What solving a problem does to the incidents that hang on it, a while later."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from connector.sandbox.zendesk.draft import Draft

if TYPE_CHECKING:
    from connector.sandbox.zendesk.account import Account

Record = dict[str, Any]
Commit = Callable[["Account", Draft, list[Record], Record, Record], Record]


def cascade(
    account: Account, who: Record, was: Record, problem: Record, comment: Record | None, commit: Commit
) -> None:
    """Solve the incidents one after another, each with the comment of that same update, none again that is over.

    `commit` keeps a draft with its comments.
    """
    if problem["type"] != "problem" or was["status"] == "solved" or problem["status"] != "solved":
        return
    incidents = list(account.incidents.get(problem["id"], ()))
    for position, key in enumerate(incidents, 1):
        solve = partial(_solve, account, who, key, problem, comment, commit)
        account.clock.soon(account.cascade_lag * position / len(incidents), solve)


def _solve(account: Account, who: Record, key: int, problem: Record, comment: Record | None, commit: Commit) -> None:
    incident = account.tickets[key]
    if incident["status"] in ("solved", "closed", "deleted"):
        return
    draft = Draft(account, dict(incident), fresh=False)
    draft.set("status", "solved")
    if draft.ticket["assignee_id"] is None:
        draft.set("assignee_id", problem["assignee_id"])
    copied = []
    if comment is not None:
        more = {"id": account.next_id(), "created_at": account.stamp(), "attachments": list(comment["attachments"])}
        copied = [{**comment, **more, "_uploads": None}]
    commit(account, draft, copied, who, {})
