"""What Zendesk's answers say of a write: receipts, and the marker by which a comment is known again. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connector.plugins import Do, Receipt, Remote, Write
from connector.sinks.zendesk import fields as tickets

_METADATA = "connector"


def of_ticket(address: str, ticket: Mapping[str, Any], write: Write, besides: Iterable[str] = ()) -> Receipt:
    """The receipt of a ticket made or changed; `besides` names fields to echo although the body leaves them out."""
    number = str(ticket["id"])
    partial = "status" not in ticket  # the answer to a change of tags alone shows nothing else
    plain = [name for name in besides if not name.startswith(tickets.CUSTOM)]
    shown = [name for name in (*write.body, *plain) if not partial or name in ticket]
    echo = tickets.echo(ticket, shown, tickets.custom_ids(write.body))
    unkept = tickets.unkept(write.body, echo, clears=write.do is Do.UPDATE)
    if write.do is Do.CREATE and not partial and ticket.get("external_id") != write.key.remote:
        unkept["external_id"] = (write.key.remote, ticket.get("external_id"))
    created = str(ticket.get("created_at") or "")
    return Receipt(number, number, f"{address.rstrip('/')}/agent/tickets/{number}", echo, unkept, created)


def of_link(address: str, ticket: Mapping[str, Any], write: Write) -> Receipt:
    """The receipt of a link. Its echo stays empty: what a mapping writes has no part in it."""
    number, asked, held = str(ticket["id"]), str(write.body.get("problem") or ""), ticket.get("problem_id")
    kept = "status" not in ticket or asked == str(held or "")
    unkept = {} if kept else {"problem": (asked, held)}
    created = str(ticket.get("created_at") or "")
    return Receipt(number, number, f"{address.rstrip('/')}/agent/tickets/{number}", {}, unkept, created)


def of_solved(address: str, ticket: Mapping[str, Any]) -> Receipt:
    """The receipt of a ticket that is solved."""
    number = str(ticket["id"])
    return Receipt(number, number, f"{address.rstrip('/')}/agent/tickets/{number}")


def of_audit(audit: Mapping[str, Any], write: Write) -> Receipt:
    """The receipt of a comment or a file."""
    return Receipt(str(audit.get("id") or write.key.marker), created_at=str(audit.get("created_at") or ""))


def remote(ticket: Mapping[str, Any], names: Sequence[str], custom: Mapping[str, int]) -> Remote:
    """A ticket as it stands."""
    number, status = str(ticket["id"]), ticket.get("status")
    echo = tickets.echo(ticket, names, custom)
    problem = str(ticket.get("problem_id") or "")
    return Remote(number, echo, number, resolved=status == "solved", closed=status == "closed", problem=problem)


def with_marker(comment: Mapping[str, Any], write: Write) -> dict[str, Any]:
    """What is sent to say a comment. Its audit carries the marker, where no reader sees it."""
    return {"comment": dict(comment), "metadata": {_METADATA: write.key.marker}}


def marker(audit: Mapping[str, Any]) -> Any:
    """The marker that an audit carries, if any."""
    metadata = audit.get("metadata")
    custom = metadata.get("custom") if isinstance(metadata, dict) else None
    return custom.get(_METADATA) if isinstance(custom, dict) else None
