"""Tickets by what they are known by: an index on words, of which only the time around a ticket is looked at."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Double, Integer, Select, Text, bindparam, delete, exists, func, select

from connector.ledger.rows import add, slices
from connector.ledger.said import CAP
from connector.ledger.schema import member, ticket, trait
from connector.problems.likeness import slip
from connector.problems.signature import ALL, APP, NEW, Signature

# So long a ticket is remembered, in seconds: what came in since tells what is usual.
KEEP = 86_400.0
# So many applications are known, and so many words of which it is known whether they name one.
APPS, NAMES = 2_000, 20_000

_WORD, _SINCE, _UNTIL = (
    bindparam("word", type_=Text),
    bindparam("since", type_=Double),
    bindparam("until", type_=Double),
)
_SAID = (
    select(trait.c.at, trait.c.ticket_id)
    .where(trait.c.word == _WORD, trait.c.at >= _SINCE, trait.c.at <= _UNTIL)
    .order_by(trait.c.at.desc())
    .limit(bindparam("most", type_=Integer))
)
_FREE = _SAID.where(~exists().where(member.c.ticket_id == trait.c.ticket_id))
_COUNT = select(func.count()).where(trait.c.word == _WORD, trait.c.at >= _SINCE, trait.c.at <= _UNTIL)
_FIRST = select(func.min(trait.c.at)).where(trait.c.word == _WORD)
_LAST = select(func.max(trait.c.at)).where(trait.c.word == _WORD)


def _between() -> Select[Any]:
    """Every word after one and before another: each by one step through the index, however many tickets have it."""

    def after(word: Any) -> Any:
        end = bindparam("end", type_=Text)
        return select(func.min(trait.c.word)).where(trait.c.word > word, trait.c.word < end).scalar_subquery()

    steps = select(after(_WORD).label("word")).cte("steps", recursive=True)
    steps = steps.union_all(select(after(steps.c.word)).where(steps.c.word.is_not(None)))
    return select(steps.c.word).where(steps.c.word.is_not(None)).limit(bindparam("most", type_=Integer))


_BETWEEN = _between()


class Names:
    """Which words name which application, or nearly do. Kept for a run."""

    def __init__(self) -> None:
        self.apps: set[str] | None = None
        self._words: dict[str, str | None] = {}

    def learn(self, apps: Iterable[str]) -> None:
        """These are applications."""
        if self.apps is not None and (new := set(apps) - self.apps) and len(self.apps) < APPS:
            self.apps |= new
            self._words.clear()  # what named none may be a slip for one of these

    def among(self, words: Iterable[str]) -> dict[str, str]:
        """Those of the words that name an application, and which."""
        if len(self._words) > NAMES:
            self._words.clear()
        asked, apps = list(words), self.apps or set()
        for word in asked:
            if word not in self._words:
                self._words[word] = word if word in apps else slip(word, list(apps))
        return {word: app for word in asked if (app := self._words[word]) is not None}


class Traits:
    """The index of one sink within one transaction."""

    def __init__(self, connection: Connection, sink: str, names: Names) -> None:
        self.connection = connection
        self.sink = sink
        self.names = names
        self._known: dict[int, Signature] = {}

    def add(self, owns: Mapping[int, Signature]) -> None:
        """From now on these tickets are found, and wait to be looked at."""
        rows = [
            {"word": self.word(word), "at": own.at, "ticket_id": ticket_id}
            for ticket_id, own in owns.items()
            for word in [*own.traits, NEW]
        ]
        add(self.connection, trait, rows)
        self.names.learn(app for own in owns.values() for app in own.apps)

    def placed(self, ticket_ids: Sequence[int]) -> None:
        """These were looked at."""
        for part in slices(ticket_ids):
            mine = delete(trait).where(trait.c.ticket_id.in_(part), trait.c.word == self.word(NEW))
            self.connection.execute(mine)

    def word(self, word: str) -> str:
        """How a word of this sink is kept."""
        return f"{self.sink}:{word}"

    def apps_among(self, words: Iterable[str]) -> dict[str, str]:
        """The words that name an application, by what tickets were told to be of; or nearly do."""
        if self.names.apps is None:
            self.names.apps = self._apps()
        return self.names.among(words)

    def _apps(self) -> set[str]:
        begin, end = self.word(APP), self.word(APP[:-1] + chr(ord(APP[-1]) + 1))
        found = self.connection.execute(_BETWEEN, {"word": begin, "end": end, "most": APPS}).scalars()
        return {word[len(begin) :] for word in found}

    def signatures(self, ticket_ids: Iterable[int]) -> dict[int, Signature]:
        """What these tickets are known by; those that are forgotten are missing."""
        asked = list(ticket_ids)
        words: dict[int, list[str]] = defaultdict(list)
        at: dict[int, float] = {}
        skip = len(self.sink) + 1
        for part in slices([each for each in asked if each not in self._known]):
            query = select(trait.c.ticket_id, trait.c.word, trait.c.at).where(trait.c.ticket_id.in_(part))
            for ticket_id, word, when in self.connection.execute(query):
                words[ticket_id].append(word[skip:])
                at[ticket_id] = when
        self._known.update((each, Signature.of(found, at[each])) for each, found in words.items())
        return {each: self._known[each] for each in asked if each in self._known}

    def free(self, words: Sequence[str], since: float, until: float) -> list[int]:
        """Tickets of that time that say these words and never belonged to an outage, those that say most first."""
        found: Counter[int] = Counter()
        for word in words:
            asked = {"word": self.word(word), "since": since, "until": until, "most": CAP}
            found.update(row.ticket_id for row in self.connection.execute(_FREE, asked))
        return [each for each, _ in found.most_common(CAP)]

    def said(self, word: str, since: float, until: float, most: int) -> list[tuple[float, int]]:
        """When the word was said, and by which ticket, the latest first."""
        asked = {"word": self.word(word), "since": since, "until": until, "most": most}
        return [(row[0], row[1]) for row in self.connection.execute(_SAID, asked)]

    def count(self, word: str, since: float, until: float) -> int:
        """How many said the word in this time."""
        return self.connection.execute(_COUNT, {"word": self.word(word), "since": since, "until": until}).scalar_one()

    def first(self) -> float | None:
        """When the earliest report was made that is remembered."""
        found: float | None = self.connection.execute(_FIRST, {"word": self.word(ALL)}).scalar()
        return found

    def last(self) -> float | None:
        """When the latest report was made that is remembered."""
        found: float | None = self.connection.execute(_LAST, {"word": self.word(ALL)}).scalar()
        return found

    def forget(self, before: float, most: int) -> int:
        """Drop tickets that were taken in before this time, the oldest first; returns how many."""
        oldest = select(func.min(trait.c.ticket_id)).scalar_subquery()
        # Only the first are looked at: most are younger, and there may be a hundred thousand of them.
        known = select(ticket.c.id, ticket.c.created_at).where(ticket.c.id >= oldest)
        first = known.order_by(ticket.c.id).limit(most).subquery()
        gone = list(self.connection.execute(select(first.c.id).where(first.c.created_at < before)).scalars())
        for part in slices(gone):
            self.connection.execute(delete(trait).where(trait.c.ticket_id.in_(part)))
        return len(gone)
