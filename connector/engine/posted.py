"""What was posted to a source: the posts that wait in the inbox, as pages of the records that they hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from connector.engine.wiring import Inlet, Wiring
from connector.ledger import inbox
from connector.plugins import Page, Record, TakesPosts

# A post may hold any number of records; a commit takes so many.
PAGE_RECORDS = 500

log = structlog.get_logger("connector.collect")


@dataclass(frozen=True, slots=True)
class Posted(Page):
    """A page from the inbox. `posts` are those that end with it, by id, each with the places of all its records."""

    posts: Mapping[int, Sequence[str]] = field(default_factory=dict)


def posted(wiring: Wiring, inlet: Inlet) -> Iterator[Posted]:
    """What waits now, oldest first; what is posted meanwhile is left for the next time."""
    if not isinstance(inlet.source, TakesPosts):
        return
    after, last = 0, inbox.newest(wiring.db, inlet.id)
    while posts := inbox.waiting(wiring.db, inlet.id, after, last):
        after = posts[-1].id
        yield from _pages(inlet, inlet.source, posts)


def _pages(inlet: Inlet, source: TakesPosts, posts: Sequence[inbox.Waiting]) -> Iterator[Posted]:
    """A post leaves the inbox with its last record: after a crash, the ones before are found unchanged."""
    records: list[Record] = []
    whole: dict[int, Sequence[str]] = {}
    for post in posts:
        parts = _records(inlet, source, post)
        for record in parts:
            if len(records) == PAGE_RECORDS:
                yield Posted(tuple(records), posts=whole)
                records, whole = [], {}
            records.append(record)
        whole[post.id] = [record.place for record in parts]
    yield Posted(tuple(records), posts=whole)


def _records(inlet: Inlet, source: TakesPosts, post: inbox.Waiting) -> Sequence[Record]:
    """At least one: a body that holds none is itself a record, and the reader says what is wrong with it."""
    whole = Record(f"intake/{post.receipt}", post.data, post.at)
    try:
        return tuple(source.split(whole)) or (whole,)
    except Exception as error:  # noqa: BLE001 - a plugin's bug must not stop the other posts
        what = type(error).__name__
        log.error("the source cannot take a post apart", source=inlet.name, place=whole.place, error=what)
        return (whole,)
