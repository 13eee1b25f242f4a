"""What a message says: rendered when it is planned, from the ticket as nobody's clearance shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.answering import Event, Linked, Notice
from connector.engine.wiring import Answering, Wiring
from connector.errors import Finding
from connector.ledger import telling
from connector.ledger.deliveries import Delivery
from connector.ledger.planning import Planned
from connector.phi import clear, shield
from connector.plugins import Clearance
from connector.survey import token
from connector.ticket import Comment, Ticket

# So much of what the help desk wrote is told, in characters, and so many of the articles that it linked.
MOST_TEXT, MOST_ARTICLES = 4000, 10
_OFFERS_SURVEY = (Event.RESOLVED, Event.PROBLEM_RESOLVED)


def message(wiring: Wiring, row: Delivery) -> Planned:
    """The message that one delivery is, or what keeps it from being one."""
    if wiring.answering is None:
        what = "the settings say nothing of answers any more"
        return Planned(row, finding=Finding("no-answers", row.name, what, f"connector drop {row.name}"))
    ticket = Ticket.model_validate_json(row.ticket_body)
    said = worded(wiring, wiring.answering, ticket, row.what or {}, row.ticket_id)
    return Planned(row, finding=said) if isinstance(said, Finding) else Planned(row, said)


def worded(
    wiring: Wiring, answering: Answering, whole: Ticket, said: Mapping[str, Any], ticket_id: int
) -> dict[str, Any] | Finding:
    """What is told to one person about a ticket: the words, and where they go. `said` is what the delivery is about."""
    ticket, text = _without_patients(whole, _words(wiring, said))
    notice = _notice(answering, said, text, ticket_id)
    facts = {"site": wiring.site, "weighing": wiring.weighing, "levels": wiring.levels}
    made = answering.messages.render(ticket, notice, facts)
    if isinstance(made, Finding):
        return made
    return {
        **notice.model_dump(mode="json", exclude={"text", "name"}, exclude_defaults=True),
        **{name: said.get(name, "") for name in ("to", "name", "person")},
        "subject": made.subject,
        "text": made.text,
        "chat": made.chat,
        "thread": _thread(whole),
        "ticket": f"{whole.source}:{whole.external_id}",
    }


def _notice(answering: Answering, said: Mapping[str, Any], text: str, ticket_id: int) -> Notice:
    detail = said.get("detail", {})
    event = str(said.get("event", ""))
    offered = answering.settings.survey if event in _OFFERS_SURVEY else None
    return Notice(
        event=event,
        name=str(said.get("name", "")),
        number=str(detail.get("number", "")),
        url=str(detail.get("url", "")),
        status=str(detail.get("status", "")),
        resolution=str(detail.get("resolution", "")),
        text=str(said.get("text", "")) or text,
        problem=str(said.get("outage", "")),
        articles=tuple(Linked.model_validate(each) for each in detail.get("articles", ())[:MOST_ARTICLES]),
        survey=offered.replace("{token}", token(answering.secret, ticket_id)) if offered else "",
    )


def _words(wiring: Wiring, said: Mapping[str, Any]) -> str:
    """What the help desk wrote, where the message is about that."""
    detail = said.get("detail", {})
    ref = detail.get("notes") or detail.get("ref")
    return telling.words(wiring.db, str(said.get("desk", "")), str(ref))[:MOST_TEXT] if ref else ""


def _without_patients(ticket: Ticket, text: str) -> tuple[Ticket, str]:
    """The ticket and the help desk's words, as far as they name no patient."""
    whole = shield(ticket.model_copy(update={"comments": (Comment(id="said", text=text),)}))
    shown = clear(whole, Clearance.NONE)
    return shown.model_copy(update={"comments": ()}), shown.comments[0].text


def _thread(ticket: Ticket) -> list[str]:
    """The Message-IDs of the person's mails, the latest first; our own name for the ticket is none."""
    return [ref for ref in ticket.thread if "@" in ref and ref != ticket.external_id and not ref.endswith("@generated")]
