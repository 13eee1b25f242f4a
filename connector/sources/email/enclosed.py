"""A mail that came as a file of another: `message/rfc822`, or an Outlook item (`.msg`). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from connector.sources.email import outlook
from connector.sources.email.body import Piece, body, payload
from connector.sources.email.headers import person
from connector.sources.email.html import MARKS, html_text
from connector.sources.email.parse import Fields, parse
from connector.sources.email.words import words
from connector.sources.text import clean, line
from connector.ticket import Person

SUBJECT_LIMIT = 255
_SHOWN = 8_000
_MOST_ITEMS = 3
_HEADER = ("from", "date", "to", "subject")


@dataclass(frozen=True, slots=True)
class Enclosed:
    """What it says; `text` with the marks of `html_text`. `files` are in it, `shown` are content ids in its text."""

    author: Person | None
    subject: str
    header: str
    text: str
    files: list[Piece] = field(default_factory=list)
    shown: set[str] = field(default_factory=set)


def enclosed(pieces: Sequence[Piece]) -> Enclosed | None:
    """The first mail among the files."""
    for piece in pieces:
        if piece.part is not None and piece.type == "message/rfc822":
            return _mail(payload(piece.part))
        if is_item(piece) and (found := _item(piece.content)) is not None:
            return found
    return None


def shown_items(pieces: Sequence[Piece]) -> str:
    """What Outlook items among the files say, for help desks that cannot open them; three at most."""
    items = [found for piece in pieces if is_item(piece) and (found := _item(piece.content))][:_MOST_ITEMS]
    texts = (f"Attached message:\n{found.header}\n\n{clean(MARKS.sub('', found.text), _SHOWN)}" for found in items)
    return "\n\n".join(texts)


def is_item(piece: Piece) -> bool:
    return piece.type == outlook.TYPE or piece.name.lower().endswith(".msg")


def subject_of(fields: Fields) -> str:
    return line(words(fields.first("subject")), SUBJECT_LIMIT)


def _mail(data: bytes) -> Enclosed:
    root = parse(data).root
    inside, fields = body(root), root.fields
    header = "\n".join(f"{name.title()}: {line(words(fields.first(name)))}" for name in _HEADER if name in fields)
    return Enclosed(
        person(fields.first("from")), subject_of(fields), header, inside.text, inside.files, set(inside.shown)
    )


def _item(data: bytes) -> Enclosed | None:
    found = outlook.item(data)
    if found is None:
        return None
    subject, author = line(found.subject, SUBJECT_LIMIT), person(found.sender)
    said = {"From": line(found.sender), "Date": found.sent, "Subject": subject}
    header = "\n".join(f"{name}: {value}" for name, value in said.items() if value)
    text = found.text or (html_text(found.html) if found.html else "")
    files = [Piece(content, name) for name, content in found.files]
    return Enclosed(author or (Person(name=said["From"]) if said["From"] else None), subject, header, text, files)
