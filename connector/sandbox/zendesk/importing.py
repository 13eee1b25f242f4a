"""What an import may say that an ordinary create may not: its own times, and all comments at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from connector.sandbox.zendesk import comments
from connector.sandbox.zendesk.draft import Draft
from connector.sandbox.zendesk.errors import invalid, reason

if TYPE_CHECKING:
    from connector.sandbox.zendesk.account import Account

Record = dict[str, Any]

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:?\d\d)")
_EARLIEST = "1970-01-01T00:00:00Z"


def compose(draft: Draft, values: Record, author: int) -> list[Record | None]:
    """The comments of an import, each with its own time. Refuses times that are still to come."""
    written: list[Record | None] = []
    for sent in values.get("comments") or ():
        comment = comments.compose(draft.account, sent, author)
        if comment is not None:
            if when := _moment(sent.get("created_at")):
                if when > draft.account.stamp():
                    raise invalid(base=reason("Comment: created_at cannot be in the future"))
                comment["created_at"] = when
            written.append(comment)
    return written


def stamp(draft: Draft, values: Record) -> None:
    """The times that an import names, none of them before 1970."""
    for name in ("created_at", "updated_at"):
        if when := _moment(values.get(name)):
            draft.ticket[name] = when
    if when := _moment(values.get("solved_at")):
        draft.account.solved_at[draft.ticket["id"]] = when


def settle(account: Account, ticket: Record, archived: bool) -> None:
    """What becomes of an imported ticket at once: a closed one may go to the archive."""
    if archived and ticket["status"] == "closed":
        account.archived.add(ticket["id"])


def _moment(sent: Any) -> str | None:
    return max(sent, _EARLIEST) if isinstance(sent, str) and _MOMENT.fullmatch(sent) else None
