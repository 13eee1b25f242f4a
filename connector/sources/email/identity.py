"""What names a mail, and what it answers.

A Message-ID alone does not: some senders use one for different mails, which would then vanish. So a mail's id is its
Message-ID and a hash of what it says; what relays and mailboxes add on the way (Received, Status) is not in the hash.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from connector.sources.email.headers import message_ids
from connector.sources.email.parse import Part

_SAID = ("from", "date", "to", "subject")


@dataclass(frozen=True, slots=True)
class Identity:
    """`external_id` names the mail for ever; `own` is how others name it; `answers` whom it answers, nearest first."""

    external_id: str
    own: str
    answers: tuple[str, ...]

    @property
    def thread(self) -> tuple[str, ...]:
        """By what this talk may be named, its own Message-ID first."""
        return tuple(dict.fromkeys((self.own, self.external_id, *self.answers)))


def identity(root: Part) -> Identity:
    """Of the mail with this root. Without a Message-ID the hash alone names it, never chance."""
    fields = root.fields
    digest = hashlib.sha256()
    for name in _SAID:
        digest.update(fields.first(name).encode("utf-8", "surrogateescape") + b"\n")
    digest.update(root.raw.replace(b"\r\n", b"\n").rstrip())
    word = digest.hexdigest()
    own = next(iter(message_ids(fields.first("message-id"))), "")
    answers = message_ids(fields.first("in-reply-to")) + message_ids(fields.first("references"))[::-1]
    answers = tuple(mid for mid in dict.fromkeys(answers) if mid != own)
    if not own:
        return Identity(f"{word[:40]}@generated", f"{word[:40]}@generated", answers)
    return Identity(f"{own}#{word[:10]}", own, answers)
