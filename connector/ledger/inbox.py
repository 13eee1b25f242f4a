"""The inbox: what was posted, safe before the answer, until a run takes it in; and the receipts that outlast it."""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import b32encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select, update

from connector.delivery import State
from connector.ledger.database import Database
from connector.ledger.rows import add, dump, slices
from connector.ledger.schema import delivery, inbox, link, record
from connector.plugins import Do

PAGE_POSTS = 500
PAGE_BYTES = 8 * 1024 * 1024
# So many requests of one post are followed.
FOLLOWED = 500
_TAKEN = (
    update(inbox).where(inbox.c.id == bindparam("post")).values(data=None, places=bindparam("became"))
)  # the bytes are in the ticket now, or kept with what was rejected


@dataclass(frozen=True, slots=True)
class Post:
    """What somebody posted to a source. `key` is the name that they gave it themselves, or empty.

    The same bytes, and the same key, are the same post; bytes for `repeats` seconds, a key for ever.
    """

    source: str
    data: bytes = field(repr=False)
    key: str = ""
    repeats: float = 86_400.0


@dataclass(frozen=True, slots=True)
class Receipt:
    """The name under which a post can be followed: 24 letters and digits that nobody guesses."""

    id: str
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """A post that no run has taken in yet."""

    id: int
    receipt: str
    data: bytes = field(repr=False)
    at: float


@dataclass(frozen=True, slots=True)
class Followed:
    """What became of a post: for each request in it a state and the number that it has at the help desk, if any.

    States: `received`, `queued` (a ticket, on its way), `sent`, `held` (waits for a person), `counted` (read, and
    makes no ticket), `dropped` (a person ended it).
    """

    at: float
    tickets: tuple[tuple[str, str], ...]


def put_in(db: Database, posts: Sequence[Post], now: float) -> list[Receipt]:
    """Keep the posts, all in one commit; returns the receipt of each. A repeated post gets the receipt it had.

    Raises LedgerError, and then none of them is kept.
    """
    prints = [(hashlib.sha256(post.data).digest(), _print_of_key(post)) for post in posts]
    with db.write() as connection:
        known = _Known(connection, prints, now)
        receipts, rows = [], []
        for post, (digest, key) in zip(posts, prints, strict=True):
            there = known.receipt(post, digest, key)
            receipt = there or b32encode(secrets.token_bytes(15)).decode("ascii").lower()
            receipts.append(Receipt(receipt, repeated=there is not None))
            if there is None:
                known.add(receipt, post.source, digest, key, now)
                rows.append(
                    {"receipt": receipt, "source": post.source, "digest": digest, "key": key,
                     "size": len(post.data), "at": now, "places": None, "data": post.data}
                )  # fmt: skip
        add(connection, inbox, rows)
    return receipts


def newest(db: Database, source: str) -> int:
    """The id of the latest post that waits, 0 where none does."""
    with db.read() as connection:
        return int(
            connection.execute(select(func.coalesce(func.max(inbox.c.id), 0)).where(*_waits(source))).scalar_one()
        )


def waiting(db: Database, source: str, after: int, last: int) -> list[Waiting]:
    """The oldest posts behind the id `after`, up to `last`: 500 of them and 8 MB at most, or one larger."""
    between = (*_waits(source), inbox.c.id > after, inbox.c.id <= last)
    with db.read() as connection:
        sizes = connection.execute(
            select(inbox.c.id, inbox.c.size).where(*between).order_by(inbox.c.id).limit(PAGE_POSTS)
        ).all()
        total = 0
        ids: list[int] = []
        for row in sizes:
            total += row.size
            if ids and total > PAGE_BYTES:
                break
            ids.append(row.id)
        found: list[Row[Any]] = []
        for part in slices(ids):
            found += connection.execute(select(inbox).where(inbox.c.id.in_(part)).order_by(inbox.c.id))
    return [Waiting(row.id, row.receipt, bytes(row.data), row.at) for row in found]


def take_out(connection: Connection, posts: Mapping[int, Sequence[str]]) -> None:
    """These posts were taken in, and became the records at these places. Part of the commit that records them."""
    if posts:
        connection.execute(_TAKEN, [{"post": post, "became": dump(list(places))} for post, places in posts.items()])


def counts(db: Database) -> dict[str, int]:
    """So many posts wait, by source."""
    query = select(inbox.c.source, func.count()).where(inbox.c.places.is_(None)).group_by(inbox.c.source)
    with db.read() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def follow(db: Database, receipt: str) -> Followed | None:
    """What became of the post with this receipt, or None where there is no such receipt."""
    with db.read() as connection:
        own = connection.execute(
            select(inbox.c.source, inbox.c.at, inbox.c.places).where(inbox.c.receipt == receipt)
        ).first()
        if own is None:
            return None
        if own.places is None:
            return Followed(own.at, (("received", ""),))
        rows: list[Row[Any]] = []
        for part in slices(json.loads(own.places)[:FOLLOWED]):
            rows += connection.execute(_outcomes(own.source, part))
    return Followed(own.at, tuple((_state(row), row.number or "") for row in rows))


class _Known:
    """The receipts that these bytes and keys have already."""

    def __init__(self, connection: Connection, prints: Sequence[tuple[bytes, str | None]], now: float) -> None:
        self._now = now
        self._by_digest: dict[tuple[str, bytes], tuple[float, str]] = {}
        self._by_key: dict[str, str] = {}
        wanted = select(inbox.c.receipt, inbox.c.source, inbox.c.digest, inbox.c.key, inbox.c.at).order_by(inbox.c.id)
        for part in slices([digest for digest, _ in prints]):
            for row in connection.execute(wanted.where(inbox.c.digest.in_(part))):
                self._by_digest[row.source, bytes(row.digest)] = (row.at, row.receipt)
        for keys in slices([key for _, key in prints if key]):
            self._by_key.update(
                (row.key, row.receipt) for row in connection.execute(wanted.where(inbox.c.key.in_(keys)))
            )

    def receipt(self, post: Post, digest: bytes, key: str | None) -> str | None:
        if key in self._by_key:
            return self._by_key[key]
        at, receipt = self._by_digest.get((post.source, digest), (0.0, None))
        return receipt if self._now - at < post.repeats else None

    def add(self, receipt: str, source: str, digest: bytes, key: str | None, at: float) -> None:
        self._by_digest[source, digest] = (at, receipt)
        if key:
            self._by_key[key] = receipt


def _print_of_key(post: Post) -> str | None:
    """The key as it is kept: bounded, and telling nobody what it said."""
    if not post.key:
        return None
    return hashlib.sha256(f"{post.source}\0{post.key}".encode("utf-8", "surrogatepass")).hexdigest()


def _waits(source: str) -> tuple[Any, ...]:
    return inbox.c.source == source, inbox.c.places.is_(None)


def _outcomes(source: str, places: Sequence[str]) -> Any:
    made = (delivery.c.ticket_id == record.c.ticket_id) & (delivery.c.part == "ticket")
    there = (link.c.ticket_id == record.c.ticket_id) & (link.c.sink == delivery.c.sink)
    return (
        select(record.c.outcome, delivery.c.state, link.c.number)
        .outerjoin(delivery, made & (delivery.c.do == Do.CREATE.value))
        .outerjoin(link, there)
        .where(record.c.source == source, record.c.place.in_(places))
        .order_by(record.c.place)
    )


_OUTCOMES = {"rejected": "held", "counted": "counted", "pending": "received"}
_STATES = {State.SENT.value: "sent", State.BLOCKED.value: "held", State.DROPPED.value: "dropped"}


def _state(row: Row[Any]) -> str:
    if row.number is not None:
        return "sent"
    return _OUTCOMES.get(row.outcome) or _STATES.get(row.state, "queued")
