"""What was posted to a source: the posts that wait in the inbox, as pages of the records that they hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from connector.engine.wiring import Inlet, Wiring
from connector.ledger import inbox
from connector.plugins import Page, Record, TakesPosts

log = structlog.get_logger("connector.collect")


@dataclass(frozen=True, slots=True)
class Posted(Page):
    """A page from the inbox. `posts` names the places that the records of each post have, by the post's id."""

    posts: Mapping[int, Sequence[str]] = field(default_factory=dict)


def posted(wiring: Wiring, inlet: Inlet) -> Iterator[Posted]:
    """What waits now, oldest first; what is posted meanwhile is left for the next time."""
    if not isinstance(inlet.source, TakesPosts):
        return
    after, last = 0, inbox.newest(wiring.db, inlet.id)
    while posts := inbox.waiting(wiring.db, inlet.id, after, last):
        after = posts[-1].id
        held = {post.id: _records(inlet, inlet.source, post) for post in posts}
        records = tuple(record for parts in held.values() for record in parts)
        yield Posted(records, posts={post: [record.place for record in parts] for post, parts in held.items()})


def _records(inlet: Inlet, source: TakesPosts, post: inbox.Waiting) -> Sequence[Record]:
    """At least one: a body that holds none is itself a record, and the reader says what is wrong with it."""
    whole = Record(f"intake/{post.receipt}", post.data, post.at)
    try:
        return tuple(source.split(whole)) or (whole,)
    except Exception as error:  # noqa: BLE001 - a plugin's bug must not stop the other posts
        what = type(error).__name__
        log.error("the source cannot take a post apart", source=inlet.name, place=whole.place, error=what)
        return (whole,)
