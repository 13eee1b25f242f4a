"""Which fields of a ticket are free text. One list, so that what is redacted and what is restored never differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from connector.ticket import Attachment, Comment, Context, Conversation, Model, Ticket, Turn

Change = Callable[[str], str]
M = TypeVar("M", bound=Model)

IN_TICKET = ("summary", "description")
IN_CONTEXT = ("error_text", "workspace", "activity", "url")


def texts(ticket: Ticket) -> list[str]:
    """Every free text of the ticket that says something, in the order in which `rewrite` visits them."""
    found: list[str] = []

    def keep(text: str) -> str:
        found.append(text)
        return text

    rewrite(ticket, keep)
    return found


def rewrite(ticket: Ticket, change: Change) -> Ticket:
    """The ticket with `change` applied to each free text; the same object where nothing changed.

    File names count as text. Fields with a meaning of their own (people, workstation, build records, tags, ids)
    are left alone.
    """
    changed = _fields(ticket, IN_TICKET, change)
    _part(changed, "context", ticket.context, _fields(ticket.context, IN_CONTEXT, change))
    if ticket.steps_tried:
        _whole(changed, "steps_tried", ticket.steps_tried, tuple(_text(step, change) for step in ticket.steps_tried))
    if ticket.attachments:
        _whole(changed, "attachments", ticket.attachments, _files(ticket.attachments, change))
    if ticket.comments:
        _whole(changed, "comments", ticket.comments, tuple(_comment(comment, change) for comment in ticket.comments))
    if ticket.conversation is not None:
        _part(changed, "conversation", ticket.conversation, _conversation(ticket.conversation, change))
    return ticket.model_copy(update=changed) if changed else ticket


def _text(text: str, change: Change) -> str:
    return change(text) if text else text


def _fields(model: Model, names: Iterable[str], change: Change) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    for name in names:
        before = getattr(model, name)
        if before and (after := change(before)) != before:
            changed[name] = after
    return changed


def _whole(changed: dict[str, Any], name: str, before: object, after: object) -> None:
    if after != before:
        changed[name] = after


def _part(changed: dict[str, Any], name: str, model: Context | Conversation, update: dict[str, Any]) -> None:
    if update:
        changed[name] = model.model_copy(update=update)


def _copy(model: M, update: dict[str, Any]) -> M:
    return model.model_copy(update=update) if update else model


def _files(files: tuple[Attachment, ...], change: Change) -> tuple[Attachment, ...]:
    return tuple(_copy(file, _fields(file, ("name",), change)) for file in files)


def _comment(comment: Comment, change: Change) -> Comment:
    update = _fields(comment, ("text",), change)
    if comment.attachments:
        _whole(update, "attachments", comment.attachments, _files(comment.attachments, change))
    return _copy(comment, update)


def _conversation(talk: Conversation, change: Change) -> dict[str, Any]:
    update: dict[str, Any] = {}
    slots = {name: _text(value, change) for name, value in talk.slots.items()}
    turns: tuple[Turn, ...] = tuple(_copy(turn, _fields(turn, ("text",), change)) for turn in talk.turns)
    _whole(update, "slots", talk.slots, slots)
    _whole(update, "turns", talk.turns, turns)
    return update
