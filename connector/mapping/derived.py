"""Names that a mapping may use beside the ticket's own: worked out from the ticket, readable blocks above all.

Blocks are plain text for the analyst, so that nobody asks the clinician twice. An empty block is an empty text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from connector import priority, service_levels
from connector.fields import TICKET, Kind, Shape, shape_of, text_of
from connector.matching import words_of
from connector.priority import Weight, signals, weigh
from connector.service_levels import Promise, promise
from connector.ticket import (
    Article,
    Attachment,
    Comment,
    Impact,
    Person,
    PersonKind,
    Ticket,
    Urgency,
)

TRANSCRIPT_LIMIT = 20_000  # characters; the last words of a talk are the ones kept
FILES_NAMED = 50


class Subject:
    """What one rendering is about: the ticket, what the engine knows besides (`facts`), and a comment where it is one.

    The ticket's fields are its attributes; the names of `DERIVED` are worked out when first asked for.
    """

    def __init__(self, ticket: Ticket, facts: Mapping[str, Any], comment: Comment | None = None) -> None:
        self.__dict__.update(ticket.__dict__)
        self.ticket = ticket
        self.facts = facts
        self.comment = comment

    def __getattr__(self, name: str) -> Any:
        # Not functools.cached_property: before Python 3.12 its lock costs more than most of these values.
        derived = DERIVED.get(name)
        if derived is None:
            raise AttributeError(name)
        value = derived.work_out(self)
        self.__dict__[name] = value
        return value


@dataclass(frozen=True, slots=True)
class Derived:
    """A name beside the ticket's own: its type, what it is, and how it is worked out."""

    type: Any
    help: str
    work_out: Callable[[Subject], Any]


def _withheld(subject: Subject) -> tuple[Attachment, ...]:
    # Those of the ticket or of the comment at hand: a file in a reply must not change the ticket's description.
    own = subject.comment.attachments if subject.comment else subject.ticket.attachments
    names = {(file.name, file.sha256) for file in own}
    return tuple(file for file in subject.facts.get("withheld", ()) if (file.name, file.sha256) in names)


def _weight(subject: Subject) -> Weight:
    return weigh(subject.ticket, subject.facts.get("weighing", priority.DEFAULT))


def _promise(subject: Subject) -> Promise:
    return promise(subject.ticket, subject.weight.priority, subject.facts.get("levels", service_levels.DEFAULT))


def _tag_words(subject: Subject) -> tuple[str, ...]:
    ticket = subject.ticket
    return (*ticket.tags, ticket.channel, ticket.kind, ticket.category, *subject.signals)


DERIVED: Mapping[str, Derived] = {
    "site": Derived(str, "this connector's own name", lambda s: text_of(s.facts.get("site"))),
    "group": Derived(str, "the group that the routes name", lambda s: text_of(s.facts.get("group"))),
    "words": Derived(str, "what keywords are looked for in, in small letters", lambda s: words_of(s.ticket)),
    "weight": Derived(Weight, "impact and urgency as they should be acted on", _weight),
    "priority": Derived(str, "impact x urgency, 1 critical to 5 planning", lambda s: str(s.weight.priority)),
    "effective_impact": Derived(Impact, "impact, capped outside production", lambda s: s.weight.impact),
    "effective_urgency": Derived(
        Urgency, "urgency, one step up where patient care is affected", lambda s: s.weight.urgency
    ),
    "service_level": Derived(Promise, "level, and when to respond and to resolve by", _promise),
    "signals": Derived(tuple[str, ...], "patient_care, downtime, patient_safety", lambda s: signals(s.ticket, s.words)),
    "tag_words": Derived(tuple[str, ...], "the ticket's tags, channel, kind and category, and the signals", _tag_words),
    "requester_line": Derived(str, "who asks, in one line", lambda s: person_line(s.ticket.requester)),
    "on_behalf_of_line": Derived(str, "for whom, in one line", lambda s: person_line(s.ticket.on_behalf_of)),
    "context_block": Derived(
        str, "what the EHR knew, a line for each sort of thing", lambda s: context_lines(s.ticket)
    ),
    "error_block": Derived(str, "error codes and text", lambda s: error_lines(s.ticket)),
    "steps_block": Derived(str, "what was tried already", lambda s: _bullets(s.ticket.steps_tried)),
    "build_records": Derived(
        str,
        "the EHR's build records, such as ETX 3097767, in one line",
        lambda s: ", ".join(map(str, s.ticket.records)),
    ),
    "conversation_block": Derived(
        str, "the talk with the bot: intent, answers given, articles offered", lambda s: conversation_lines(s.ticket)
    ),
    "transcript": Derived(str, "the talk with the bot, word by word", lambda s: talk(s.ticket)),
    "withheld": Derived(tuple[Attachment, ...], "files that are not sent", _withheld),
    "withheld_block": Derived(
        str,
        "name, type, size and SHA-256 of each file that is not sent",
        lambda s: _bullets(map(file_line, s.withheld[:FILES_NAMED]), len(s.withheld)),
    ),
    "notes_block": Derived(
        str, "remarks of the reader, such as a broken character set", lambda s: _bullets(s.ticket.notes)
    ),
}

NAMES: Mapping[str, Shape] = {
    **TICKET,
    **{name: shape_of(derived.type) for name, derived in DERIVED.items() if derived.type is not Weight},
    "priority": Shape(Kind.TEXT, members=("1", "2", "3", "4", "5")),
}
COMMENT_NAMES: Mapping[str, Shape] = {**NAMES, "comment": shape_of(Comment)}


def person_line(person: Person | None) -> str:
    """`Dana Meyer (dmeyer), RN, 4 West, dana@north.example, 555-0100`; a physician and a patient are named as such."""
    if person is None:
        return ""
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


def error_lines(ticket: Ticket) -> str:
    """Error codes, then what the screen said."""
    return _lines((("Codes", ", ".join(ticket.context.error_codes)), ("", ticket.context.error_text.strip())))


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


def talk(ticket: Ticket, limit: int = TRANSCRIPT_LIMIT) -> str:
    """The words, one utterance a line, oldest first; where they are too many, the latest are kept."""
    lines: list[str] = []
    room = limit
    everything = ticket.conversation.turns if ticket.conversation else ()
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
