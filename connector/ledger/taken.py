"""A record and what became of it: the words of taking in."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from connector.plugins import Counted, Record, Rejected, Reply
from connector.ticket import Attachment, Comment, Ticket


@dataclass(frozen=True, slots=True)
class Taken:
    """A record and what became of it: read, fingerprinted, shielded, routed, weighed."""

    record: Record
    reading: Ticket | Reply | Counted | Rejected
    fingerprint: str = ""
    sink: str = ""
    group: str = ""
    priority: int | None = None
    waited: bool = False


def ticket_of(reading: object) -> Ticket | None:
    """The ticket that a reading is, or would become."""
    return reading if isinstance(reading, Ticket) else reading.ticket if isinstance(reading, Reply) else None


def refs_of(reading: object) -> list[str]:
    """The messages that a reading is part of, or answers."""
    own = ticket_of(reading)
    named = list(own.thread) if own else []
    return named + (list(reading.thread) if isinstance(reading, Reply) else [])


@dataclass(slots=True)
class Counts:
    """How the records of a page turned out. `read` is the sum of the others."""

    read: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    counted: int = 0
    rejected: int = 0

    def add(self, outcome: str) -> None:
        self.read += 1
        setattr(self, outcome, getattr(self, outcome) + 1)

    def plus(self, other: Counts) -> None:
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)


def part_of_comment(comment: Comment) -> str:
    """The part of a key that names a comment."""
    return f"comment:{comment.id}"


def part_of_file(comment_id: str, file: Attachment) -> str:
    """The part of a key that names a file: its comment (`-` for the ticket itself), name and content."""
    return f"file:{comment_id or '-'}:{file.name}:{file.sha256}"
