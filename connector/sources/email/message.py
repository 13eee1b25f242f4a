"""One mail, understood: all that tickets and replies are made of. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from connector.plugins import Record
from connector.sources.email.body import Body, Piece, body, payload
from connector.sources.email.files import MOST_FILES, attachments
from connector.sources.email.forward import Forward, forwarded, is_forward
from connector.sources.email.headers import date, person
from connector.sources.email.identity import Identity, identity
from connector.sources.email.kind import MailKind
from connector.sources.email.numbers import number_of
from connector.sources.email.parse import Fields, Mail, Part, parse
from connector.sources.email.people import sender
from connector.sources.email.proof import proved
from connector.sources.email.quote import Said, said
from connector.sources.email.settings import EmailSettings
from connector.sources.email.words import words
from connector.sources.text import TEXT_LIMIT, clean, line
from connector.ticket import Attachment, Person

SUBJECT_LIMIT = 255
READ_LIMIT = 500_000
_AHEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Message:
    """`sent` is when its sender says it was written, if that can be; `received` is when it arrived."""

    fields: Fields
    identity: Identity
    kind: MailKind
    sender: Person
    subject: str
    said: Said
    sent: datetime | None
    received: datetime | None
    forward: Forward | None
    number: str
    files: tuple[Attachment, ...] = field(repr=False)
    notes: tuple[str, ...]

    @property
    def thread(self) -> tuple[str, ...]:
        """By what this talk may be named; another system's number first, then its own Message-ID."""
        return (self.number, *self.identity.thread) if self.number else self.identity.thread

    @property
    def is_empty(self) -> bool:
        return not (self.said.new or self.files or self.subject)


def message(record: Record, mail: Mail, kind: MailKind, settings: EmailSettings) -> Message:
    """What the mail in a record says, who says it, and what comes with it."""
    fields = mail.root.fields
    subject = subject_of(fields)
    found = body(mail.root)
    text = _said(found)
    inner = _attached(found, text, subject)
    who = sender(fields, settings.reply_to == "use" and kind is MailKind.PERSON, settings.own_addresses)
    notes = [*found.notes, who.note, *_within_limits(record, mail, found, text.whole)]
    sent, received = _times(record, fields, settings.zone)
    proof = proved(fields, settings.authserv_id, who.person.email)
    return Message(
        fields=fields,
        identity=identity(mail.root),
        kind=kind,
        sender=who.person.model_copy(update={"kind": settings.person, "verified": proof}),
        subject=subject,
        said=text,
        sent=sent,
        received=received,
        forward=inner or (forwarded(text.whole) if is_forward(subject) else None),
        number=number_of(subject, who.person.email, settings.ticket_systems),
        files=attachments(found.files, found.shown),
        notes=tuple(dict.fromkeys(note for note in notes if note)),
    )


def subject_of(fields: Fields) -> str:
    return line(words(fields.first("subject")), SUBJECT_LIMIT)


def _said(found: Body) -> Said:
    return said(clean(found.text[:READ_LIMIT], READ_LIMIT))


def _within_limits(record: Record, mail: Mail, found: Body, text: str) -> list[str]:
    """Remarks, and a file for what would be lost otherwise: the whole mail, or the whole text."""
    remarks = []
    exceeded = [*mail.exceeded, *("text",) * (found.cut or len(found.text) > READ_LIMIT)]
    if len(found.files) > MOST_FILES:
        exceeded.append("files")
        del found.files[MOST_FILES:]
    if "cut" in record.facts:
        remarks.append(f"only the beginning of this mail of {int(record.facts['cut']):,} bytes was read")
    if exceeded:
        remarks.append(f"beyond the limits ({', '.join(exceeded)}): the mail is attached whole, as original.eml")
        found.files.append(Piece(record.data, "original.eml", "message/rfc822"))
    elif len(text) > TEXT_LIMIT:
        found.files.append(Piece(text.encode("utf-8", "replace"), "full-text.txt", "text/plain"))
    if found.guessed:
        remarks.append("the charset of the text was guessed: the mail names none, or a wrong one")
    return remarks


def _attached(found: Body, above: Said, subject: str) -> Forward | None:
    """A forward as attachment: the attached mail is the request, and its files are files of this one."""
    part = next((piece.part for piece in found.files if piece.part and piece.type == "message/rfc822"), None)
    if part is None or not (is_forward(subject) or not found.text.strip()):
        return None
    inner = parse(payload(part)).root
    inside = body(inner)
    found.files += inside.files
    found.shown |= inside.shown
    return Forward(
        above.new, person(inner.fields.first("from")), subject_of(inner.fields), _header(inner), _said(inside).whole
    )


def _header(part: Part) -> str:
    named = ("from", "date", "to", "subject")
    return "\n".join(f"{name.title()}: {line(words(part.fields.first(name)))}" for name in named if name in part.fields)


def _times(record: Record, fields: Fields, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """When it was sent and when it arrived; a date that lies ahead of the arrival is not believed."""
    stamped = fields.first("received").rpartition(";")[2]
    received = date(stamped, zone) if stamped else None
    if received is None and record.at is not None:
        received = _moment(record.at)
    sent = date(fields.first("date"), zone)
    if sent is None or (received is not None and sent > received + _AHEAD):
        sent = received
    return sent, received


def _moment(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
