"""Custom statuses: a ticket has one of them, and `status` is only its category."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.messages import Answer, Call, json_answer
from connector.sandbox.zendesk.seed import STATUSES

if TYPE_CHECKING:
    from connector.sandbox.zendesk.account import Account
    from connector.sandbox.zendesk.draft import Draft

Record = dict[str, Any]


def category(values: Record) -> str | None:
    """The category of the custom status that was sent; None where none was, or an unknown one."""
    known = STATUSES.get(values.get("custom_status_id") or 0)
    return str(known["status_category"]) if known else None


def agree(draft: Draft, values: Record) -> None:
    """The custom status belongs to the category: the one sent where it does, else the category's default."""
    status = draft.ticket["status"]
    for key in (values.get("custom_status_id"), draft.ticket["custom_status_id"]):
        known = STATUSES.get(key or 0)
        if known is not None and known["status_category"] == status:
            draft.set("custom_status_id", key)
            return
    found = (key for key, one in STATUSES.items() if one["status_category"] == status and one["default"])
    draft.ticket["custom_status_id"] = next(found, draft.ticket["custom_status_id"])


def list_statuses(account: Account, call: Call, who: Record) -> Answer:
    """`GET /custom_statuses`: never in pages; filtered by category, activity and default where asked."""
    wanted = {part for part in call.param("status_categories").split(",") if part}
    found = [one for one in STATUSES.values() if not wanted or one["status_category"] in wanted]
    for name in ("active", "default"):
        if (asked := call.param(name)) in ("true", "false"):
            found = [one for one in found if one[name] is (asked == "true")]
    return json_answer(200, {"custom_statuses": found})
