"""One mail, understood: all that tickets and replies are made of. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from connector.plugins import Record
from connector.sources.email.body import Body, Piece, body
from connector.sources.email.enclosed import enclosed, shown_items, subject_of
from connector.sources.email.files import MOST_FILES, attachments
from connector.sources.email.forward import Forward, forwarded, is_forward
from connector.sources.email.headers import date
from connector.sources.email.identity import Identity, identity
from connector.sources.email.kind import MailKind
from connector.sources.email.numbers import number_of
from connector.sources.email.parse import Fields, Mail
from connector.sources.email.people import sender
from connector.sources.email.proof import proved
from connector.sources.email.quote import Said, said
from connector.sources.email.settings import EmailSettings
from connector.sources.text import TEXT_LIMIT, clean
from connector.ticket import Attachment, Person

READ_LIMIT = 500_000
_AHEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Message:
    """`sent` is when its sender says it was written, if that can be; `received` is when it arrived.

    `items` is what attached Outlook messages say.
    """

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
    items: str
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
    items = shown_items(found.files)
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
        items="" if inner else items,
        files=attachments(found.files, found.shown),
        notes=tuple(dict.fromkeys(note for note in notes if note)),
    )


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
    inner = enclosed(found.files) if is_forward(subject) or not found.text.strip() else None
    if inner is None:
        return None
    found.files += inner.files
    found.shown |= inner.shown
    text = said(clean(inner.text[:READ_LIMIT], READ_LIMIT)).whole
    return Forward(above.new, inner.author, inner.subject, inner.header, text)


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
