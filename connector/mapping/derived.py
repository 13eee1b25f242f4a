"""Names that a mapping may use beside the ticket's own: worked out from the ticket, readable blocks above all.

Blocks are plain text for the analyst, so that nobody asks the clinician twice. An empty block is an empty text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from connector import priority
from connector.fields import TICKET, Shape, shape_of, text_of
from connector.ticket import (
    Article,
    Attachment,
    Comment,
    Impact,
    Person,
    PersonKind,
    Ticket,
    Turn,
    Urgency,
)

TRANSCRIPT_LIMIT = 20_000  # characters; the last words of a talk are the ones kept
FILES_NAMED = 50


class Subject:
    """What one rendering is about: the ticket, what the engine knows besides (`facts`), and a comment where it is one.

    Attributes of the ticket are looked up on it; the other names are worked out when first asked for.
    """

    def __init__(self, ticket: Ticket, facts: Mapping[str, Any], comment: Comment | None = None) -> None:
        self.__dict__.update(ticket.__dict__)
        self.ticket = ticket
        self.facts = facts
        self.comment = comment

    @cached_property
    def site(self) -> str:
        return text_of(self.facts.get("site"))

    @cached_property
    def group(self) -> str:
        return text_of(self.facts.get("group"))

    @cached_property
    def withheld(self) -> tuple[Attachment, ...]:
        return tuple(file for file in self.facts.get("withheld", ()) if isinstance(file, Attachment))

    @cached_property
    def _weight(self) -> priority.Weight:
        return priority.weigh(self.ticket)

    @cached_property
    def priority(self) -> str:
        return str(self._weight.priority)

    @cached_property
    def effective_impact(self) -> Impact:
        return self._weight.impact

    @cached_property
    def effective_urgency(self) -> Urgency:
        return self._weight.urgency

    @cached_property
    def signals(self) -> tuple[str, ...]:
        return priority.signals(self.ticket)

    @cached_property
    def requester_line(self) -> str:
        return person_line(self.ticket.requester)

    @cached_property
    def on_behalf_of_line(self) -> str:
        return person_line(self.ticket.on_behalf_of) if self.ticket.on_behalf_of else ""

    @cached_property
    def context_block(self) -> str:
        return context_lines(self.ticket)

    @cached_property
    def error_block(self) -> str:
        context = self.ticket.context
        codes = ", ".join(context.error_codes)
        return _lines((("Codes", codes), ("", context.error_text.strip())))

    @cached_property
    def steps_block(self) -> str:
        return _bullets(self.ticket.steps_tried)

    @cached_property
    def build_records(self) -> str:
        return ", ".join(map(str, self.ticket.records))

    @cached_property
    def conversation_block(self) -> str:
        return conversation_lines(self.ticket)

    @cached_property
    def transcript(self) -> str:
        return talk(self.ticket.conversation.turns) if self.ticket.conversation else ""

    @cached_property
    def withheld_block(self) -> str:
        return _bullets(map(file_line, self.withheld[:FILES_NAMED]), len(self.withheld))

    @cached_property
    def notes_block(self) -> str:
        return _bullets(self.ticket.notes)


DERIVED: Mapping[str, tuple[Any, str]] = {
    "site": (str, "this connector's own name"),
    "group": (str, "the group that the route names"),
    "withheld": (tuple[Attachment, ...], "files that are not sent"),
    "effective_impact": (Impact, "impact, capped outside production"),
    "effective_urgency": (Urgency, "urgency, raised one step where patient care is affected"),
    "signals": (tuple[str, ...], "patient_care, downtime, patient_safety"),
    "requester_line": (str, "who asks: name, login, role, department, e-mail, phone"),
    "on_behalf_of_line": (str, "for whom"),
    "context_block": (str, "what the EHR knew: system, application, workstation, screen, place"),
    "error_block": (str, "error codes and text"),
    "steps_block": (str, "what was tried already"),
    "build_records": (str, "the EHR's build records, such as ETX 3097767, in one line"),
    "conversation_block": (str, "the talk with the bot: intent, answers given, articles offered"),
    "transcript": (str, "the talk with the bot, word by word"),
    "withheld_block": (str, "name, type, size and SHA-256 of each file that is not sent"),
    "notes_block": (str, "remarks of the reader, such as a broken character set"),
}

_PRIORITY = Shape(shape_of(str).kind, members=("1", "2", "3", "4", "5"))

NAMES: Mapping[str, Shape] = {
    **TICKET,
    **{name: shape_of(annotation) for name, (annotation, _) in DERIVED.items()},
    "priority": _PRIORITY,
}
COMMENT_NAMES: Mapping[str, Shape] = {**NAMES, "comment": shape_of(Comment)}


def person_line(person: Person) -> str:
    """`Dana Meyer (dmeyer), RN, 4 West, dana@north.example, 555-0100`; a physician and a patient are named as such."""
    name = person.name or person.login or person.email
    login = f" ({person.login})" if person.login and person.name else ""
    email = person.email if person.email != name else ""
    role = person.role or ("physician" if person.is_physician else "")
    patient = "patient" if person.kind is PersonKind.PATIENT else ""
    return ", ".join(part for part in (name + login, patient, role, person.department, email, person.phone) if part)


def context_lines(ticket: Ticket) -> str:
    """What the EHR knew, a line for each sort of thing."""
    context, place = ticket.context, ticket.context.location
    return _lines(
        (
            ("System", _spaced(context.system, _in_brackets(context.tenant))),
            ("Environment", context.environment),
            ("Application", _spaced(context.application, context.version)),
            ("Server", context.server),
            ("Workstation", _spaced(context.workstation, _in_brackets(context.ip))),
            ("Location", _joined(", ", place.facility, place.unit, place.room)),
            ("Screen", _joined(" > ", context.workspace, context.activity)),
            ("Link", context.url),
            ("Session recording", context.session_recording_id),
        )
    )


def conversation_lines(ticket: Ticket) -> str:
    """How the talk with the bot went, without its words."""
    conversation = ticket.conversation
    if conversation is None:
        return ""
    sure = "" if conversation.confidence is None else f"({conversation.confidence:.0%} sure)"
    answers = "; ".join(f"{name}: {value}" for name, value in conversation.slots.items() if value)
    articles = "; ".join(map(article_line, conversation.articles))
    return _lines(
        (
            ("Bot", conversation.platform),
            ("Intent", _spaced(conversation.intent, sure if conversation.intent else "")),
            ("Answers given", answers),
            ("Articles offered", articles),
            ("Outcome", str(conversation.outcome)),
        )
    )


def article_line(article: Article) -> str:
    """`Reset a password (KB0010042), https://…`."""
    return _joined(", ", _spaced(article.title, _in_brackets(article.id)), article.url)


def talk(turns: Iterable[Turn], limit: int = TRANSCRIPT_LIMIT) -> str:
    """The words, one utterance a line, oldest first; where they are too many, the latest are kept."""
    lines: list[str] = []
    room = limit
    everything = tuple(turns)
    for turn in reversed(everything):
        at = f"[{turn.at:%H:%M}] " if turn.at else ""
        line = f"{at}{turn.speaker}: {turn.text}"[:room]
        room -= len(line) + 1
        lines.append(line)
        if room <= 0:
            break
    left_out = len(everything) - len(lines)
    head = [f"(… {left_out} earlier lines are left out)"] if left_out else []
    return "\n".join(head + lines[::-1])


def file_line(file: Attachment) -> str:
    """`screen.png (image/png, 211 kB, SHA-256 9f86d0…)`."""
    size = f"{file.size} bytes" if file.size < 1000 else f"{file.size // 1000} kB"
    return f"{file.name} ({file.content_type}, {size}, SHA-256 {file.sha256})"


def _lines(pairs: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"{label}: {text}" if label else text for label, text in pairs if text)


def _bullets(lines: Iterable[str], total: int = 0) -> str:
    shown = [f"- {line}" for line in lines]
    if total > len(shown):
        shown.append(f"- … and {total - len(shown)} more")
    return "\n".join(shown)


def _joined(separator: str, *parts: str) -> str:
    return separator.join(part for part in parts if part)


def _spaced(*parts: str) -> str:
    return _joined(" ", *parts)


def _in_brackets(text: str) -> str:
    return f"({text})" if text else ""
