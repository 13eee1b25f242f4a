"""Comments: how they are written, with the files that waited for them."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

from connector.sandbox.zendesk.errors import invalid, reason

if TYPE_CHECKING:
    from connector.sandbox.zendesk.account import Account

Record = dict[str, Any]

_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,2000}>")
_MOST = 5000


def compose(account: Account, sent: Any, author: int) -> Record | None:
    """A comment as it will be kept; None where what was sent is no comment at all."""
    if not isinstance(sent, dict):
        return None
    marked = str(sent.get("html_body") or "")
    body = _TAG.sub("", html.unescape(marked) if marked else str(sent.get("body") or sent.get("value") or ""))
    if not body.strip():
        return None
    public = sent.get("public", True)
    return {
        "id": account.next_id(),
        "type": "Comment",
        "author_id": account.known(sent.get("author_id"), author),
        "body": body,
        "html_body": marked or '<div class="zd-comment"><p>' + html.escape(body).replace("\n", "<br>") + "</p></div>",
        "plain_body": body,
        "public": public not in (False, "false", "0", 0),
        "attachments": [],
        "audit_id": None,
        "via": {"channel": "api", "source": {"from": {}, "to": {}, "rel": None}},
        "created_at": account.stamp(),
        "metadata": {"system": {}, "custom": {}},
        "_uploads": sent.get("uploads"),
    }


def attach(account: Account, comment: Record) -> None:
    """Move the files from their tokens to the comment. A token that is unknown, spent or too old adds nothing."""
    tokens = comment.pop("_uploads")
    for token in tokens if isinstance(tokens, list) else [tokens]:
        upload = account.uploads.pop(str(token), None)
        if upload is not None and upload.expires > account.clock.now():
            comment["attachments"] += upload.attachments


def guard(account: Account, ticket_id: int) -> None:
    """Refuse one comment too many."""
    if len(account.comments.get(ticket_id, ())) >= _MOST:
        raise invalid(base=reason("Comments: too many comments on this ticket"))
