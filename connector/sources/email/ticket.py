"""What a mail becomes: a ticket, a reply, something that is only counted, or a rejection. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.errors import Finding
from connector.plugins import Counted, Reading, Record, Rejected, Reply
from connector.sources.email import report
from connector.sources.email.enclosed import SUBJECT_LIMIT
from connector.sources.email.forward import bare_subject, is_forward
from connector.sources.email.headers import date
from connector.sources.email.kind import REMARKS, TICKETS, MailKind, kind_of
from connector.sources.email.message import Message, message
from connector.sources.email.parse import Fields, Mail, parse
from connector.sources.email.people import delivered_to, is_one_of, resent_by, watchers
from connector.sources.email.settings import EmailSettings
from connector.sources.email.words import base64_bytes, words
from connector.sources.text import TEXT_LIMIT, clean, line, shorten
from connector.ticket import EMPTY_PHI, Channel, Comment, Person, Phi, Ticket, Urgency

_NAMED_FILES = 10
NO_SUBJECT = "(no subject)"
_MAIL_FIELDS = ("from", "to", "subject", "date", "message-id", "received", "return-path", "reply-to", "sender")
_REPORTED = frozenset({"message/delivery-status", "message/global-delivery-status", "text/rfc822-headers"})
_URGENT = frozenset({"1", "2", "high", "highest", "urgent"})
_NOT_URGENT = frozenset({"4", "5", "low", "lowest", "non-urgent"})


def reading(record: Record, source: str, settings: EmailSettings) -> Reading:
    """What a mail means. `source` is the id under which its tickets are kept."""
    mail = parse(record.data, settings.limits)
    if not any(name in mail.root.fields for name in _MAIL_FIELDS):
        return _rejected("not-a-mail", record, "it has no header of a mail", "see where it came from")
    kind = kind_of(mail.root, settings.own_addresses, settings.own_mail == "count")
    if kind in REMARKS:
        return _remark(record, mail, kind, source, settings)
    if kind not in TICKETS and not (kind is MailKind.CALENDAR and settings.calendar == "ticket"):
        return Counted(str(kind))
    said = message(record, mail, kind, settings)
    if said.is_empty:
        return _rejected("empty-mail", record, "it has no subject, no text and no file", "ask its sender")
    ticket = _ticket(said, source, settings)
    # A forward opens a talk of its own, even where it names the mails that it forwards.
    if not said.identity.answers or is_forward(said.subject):
        return ticket
    thread = (*said.identity.answers, said.number) if said.number else said.identity.answers
    return Reply(thread, _comment(said, settings), ticket)


def _remark(record: Record, mail: Mail, kind: MailKind, source: str, settings: EmailSettings) -> Reading:
    """What a machine says of a talk that is known: for the desk alone, and it opens nothing again."""
    said = message(record, mail, kind, settings)
    thread = tuple(dict.fromkeys((*said.identity.answers, *report.about(mail.root))))
    if not thread:
        return Counted(str(kind))
    text = "\n\n".join(filter(None, (f"({kind})", report.told(mail.root), said.said.new)))
    comment = Comment(
        id=said.identity.external_id,
        author=said.sender,
        at=said.sent,
        text=shorten(text, TEXT_LIMIT),
        public=False,
        automatic=True,
        attachments=tuple(file for file in said.files if file.content_type not in _REPORTED),
    )
    return Reply(thread, comment, _ticket(said, source, settings), otherwise=str(kind))


def _rejected(code: str, record: Record, what: str, remedy: str) -> Rejected:
    return Rejected(Finding(code, record.place, what, f"{remedy}; the record is kept and can be read again"))


@dataclass(frozen=True, slots=True)
class _Request:
    """Who asks for what; `forwarder` and `note` where somebody passed it on."""

    requester: Person
    summary: str
    description: str
    forwarder: tuple[Person, ...] = ()
    note: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)


def _request(said: Message, settings: EmailSettings) -> _Request:
    """An agent who forwards asks for the original author, watches, and what he says above is for the desk alone."""
    description = _text(said, said.said.whole, settings)
    forward = said.forward
    if forward is None or forward.author is None:
        resent = resent_by(said.fields)
        watching = (resent,) if resent and resent.email != said.sender.email else ()
        return _Request(said.sender, said.subject, description, forwarder=watching)
    author = forward.author.model_copy(update={"kind": settings.person})
    if not (author.email and _is_agent(said.sender, settings)):
        candidate = {"original_author": author.email or author.name}
        return _Request(said.sender, said.subject, description, extra=candidate)
    return _Request(
        requester=author,
        summary=bare_subject(said.subject) or forward.subject,
        description=shorten(forward.text, TEXT_LIMIT) or description,
        forwarder=(said.sender,),
        note=shorten(forward.note, TEXT_LIMIT),
        extra={"forwarded": forward.header},
    )


def _is_agent(person: Person, settings: EmailSettings) -> bool:
    return is_one_of(person.email, settings.agents) and (person.verified or not settings.authserv_id)


def _ticket(said: Message, source: str, settings: EmailSettings) -> Ticket:
    request = _request(said, settings)
    own = settings.own_addresses | delivered_to(said.fields)
    besides = own | {person.email for person in (request.requester, *request.forwarder)}
    copied, beyond = watchers(said.fields, besides, settings.watchers)
    left_out = (f"of the people in Cc, only the first {settings.watchers} are watchers",) if beyond else ()
    records = settings.codes.sort(settings.codes.found(f"{request.summary}\n{request.description}"))
    return Ticket(
        source=source,
        external_id=said.identity.external_id,
        channel=Channel.EMAIL,
        summary=request.summary or _first_line(said.said.whole),
        description=request.description,
        urgency=_urgency(said.fields),
        requester=request.requester,
        watchers=request.forwarder + copied,
        records=records.build,
        comments=_note(said, request.note),
        attachments=said.files,
        thread=said.thread,
        submitted_at=said.sent,
        received_at=said.received,
        notes=said.notes + left_out,
        phi=Phi(records=records.patient) if records.patient else EMPTY_PHI,
        extra={**_extra(said, settings), **request.extra},
    )


def _note(said: Message, text: str) -> tuple[Comment, ...]:
    name = f"{said.identity.external_id}:note"
    return (Comment(id=name, author=said.sender, at=said.sent, text=text, public=False),) if text else ()


def _comment(said: Message, settings: EmailSettings) -> Comment:
    return Comment(
        id=said.identity.external_id,
        author=said.sender,
        at=said.sent,
        text=_text(said, said.said.whole if settings.keep_quoted else said.said.new, settings),
        attachments=said.files,
    )


def _text(said: Message, text: str, settings: EmailSettings) -> str:
    if settings.keep_signature and said.said.signature:
        text = f"{text}\n\n{said.said.signature}"
    if not text and said.files:
        named = ", ".join(file.name for file in said.files[:_NAMED_FILES])
        more = len(said.files) - _NAMED_FILES
        text = f"(no text; attached: {named}{f' and {more} more' if more > 0 else ''})"
    return shorten("\n\n".join(filter(None, (text, said.items))), TEXT_LIMIT)


def _first_line(text: str) -> str:
    return line(next((row for row in text.split("\n") if row.strip()), "")) or NO_SUBJECT


def _extra(said: Message, settings: EmailSettings) -> dict[str, Any]:
    """What is kept, but not in the text: it counts as patient data until the site maps it."""
    fields = said.fields
    stated = date(fields.first("date"), settings.zone)
    kept = {
        "signature": "" if settings.keep_signature else shorten(said.said.signature, TEXT_LIMIT),
        "list": clean(words(fields.first("list-id")), SUBJECT_LIMIT),
        "automatic": str(said.kind) if said.kind is not MailKind.PERSON else "",
        "conversation": _conversation(fields),
        "unanswered": _unanswered(fields),
        "date": "" if stated and stated == said.sent else clean(words(fields.first("date")), SUBJECT_LIMIT),
    }
    return {name: value for name, value in kept.items() if value}


def _unanswered(fields: Fields) -> str:
    """Its sender's wish that no machine answer it (Microsoft's MS-OXCMAIL, X-Auto-Response-Suppress)."""
    said = fields.first("x-auto-response-suppress").lower()[:200]
    return ", ".join(word for word in ("all", "oof", "autoreply") if re.search(rf"\b{word}\b", said))


def _conversation(fields: Fields) -> str:
    """Exchange's name for the conversation (MS-OXOMSG, the first 22 bytes of Thread-Index): a hint, not a thread."""
    index = base64_bytes(fields.first("thread-index")[:200].encode("ascii", "replace"))
    return index[:22].hex() if len(index) >= 22 else ""


def _urgency(fields: Fields) -> Urgency:
    """X-Priority (1 to 5), Importance and Priority (RFC 4021), X-MSMail-Priority: the first that says something."""
    for name in ("x-priority", "importance", "priority", "x-msmail-priority"):
        word = fields.first(name).strip().lower().split(" ")[0]
        if word in _URGENT:
            return Urgency.HIGH
        if word in _NOT_URGENT:
            return Urgency.LOW
    return Urgency.MEDIUM
