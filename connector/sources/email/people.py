"""Who wrote a mail, and who else should hear of it. Nothing here is proof: anybody can write a From line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from connector.sources.email.headers import normal_address, people, person, without_via
from connector.sources.email.parse import Fields
from connector.ticket import Person

_VIA = re.compile(r"\bvia\b", re.IGNORECASE)
_FALLBACKS = ("from", "reply-to", "return-path", "sender", "x-envelope-from")


@dataclass(frozen=True, slots=True)
class Sender:
    """The person, and a remark where the usual field did not tell."""

    person: Person
    note: str = ""


def sender(fields: Fields, use_reply_to: bool, own: frozenset[str]) -> Sender:
    """Who wrote the mail: From, or who stands behind a list that rewrites it, or Reply-To where the settings say so."""
    written = [found for value in fields.every("from")[:5] if (found := person(value))]
    if not written:
        return _instead_of_from(fields)
    first = written[0]
    original = person(fields.first("x-original-from")) or person(fields.first("x-original-sender"))
    answer_to = person(fields.first("reply-to"))
    if original is not None:
        return Sender(Person(name=original.name or without_via(first).name, email=original.email))
    if answer_to is not None and answer_to.email not in own and (use_reply_to or _VIA.search(first.name)):
        return Sender(Person(name=answer_to.name or without_via(first).name, email=answer_to.email))
    return Sender(first)


def _instead_of_from(fields: Fields) -> Sender:
    for name in _FALLBACKS:
        found = person(fields.first(name))
        if found is not None:
            return Sender(found, f"the sender has no address in From; taken from {name.title()}")
    return Sender(Person(), "no field tells who wrote this mail")


def resent_by(fields: Fields) -> Person | None:
    """Who sent the mail on unchanged (RFC 5322, Resent-From); From still names its author."""
    return person(fields.first("resent-from"))


def delivered_to(fields: Fields) -> frozenset[str]:
    """The addresses at which the mail arrived, which a blind copy names nowhere else."""
    named = (fields.every(name)[:5] for name in ("delivered-to", "x-original-to", "envelope-to"))
    return frozenset(filter(None, (normal_address(value) for values in named for value in values)))


def watchers(fields: Fields, besides: Iterable[str], most: int) -> tuple[tuple[Person, ...], bool]:
    """Everyone in Cc except lists and those in `besides` (addresses), and whether there were more than `most`."""
    left_out = set(besides) | {normal_address(fields.first("list-post"))}
    once = {found.email: found for found in people(*fields.every("cc")[:20]) if found.email not in left_out}
    named = tuple(once.values())
    return named[:most], len(named) > most


def is_one_of(address: str, listed: Iterable[str]) -> bool:
    """Is the address listed, or its domain? Lists hold `a@b.org`, `b.org` and `@b.org`, in lower case."""
    domain = address.rpartition("@")[2]
    return bool(address) and any(entry in (address, domain, f"@{domain}") for entry in listed)
