"""What was said when: of each word the tickets that have it, read for a batch of tickets at once.

What a look costs depends on the number of words and on caps, never on how many tickets there are.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import CompoundSelect, Connection, Double, Integer, Select, Text, bindparam, func, select, union_all

from connector.ledger.rows import slices
from connector.ledger.schema import trait
from connector.problems.signature import ALL

# Of each word so many tickets are looked at, the latest first; common words tell little anyway.
CAP = 64
# As many tell how much is heard at all.
CROWD = 1000
_AT_ONCE = 32

Line = tuple[list[float], list[int], bool]


class Said:
    """The tickets that have a word, from `since` on, for looks that end between `first` and `last`."""

    def __init__(self, connection: Connection, sink: str, since: float, first: float, last: float) -> None:
        self._connection = connection
        self._sink = sink
        self._times = {"since": since, "until": last}
        # So many may be later than the look that ends first; they must not hide what was before it.
        between = {"word": f"{sink}:{ALL}", "since": first, "until": last}
        self._later: int = connection.execute(_COUNT, between).scalar_one()
        self._lines: dict[str, Line] = {}

    def read(self, words: Iterable[str], most: int = CAP) -> None:
        """Make these words known."""
        missing = [word for word in dict.fromkeys(words) if word not in self._lines]
        limit = most + self._later
        skip = len(self._sink) + 1
        for part in slices(missing, _AT_ONCE):
            found: dict[str, list[tuple[float, int]]] = {word: [] for word in part}
            names = {f"w{place}": f"{self._sink}:{word}" for place, word in enumerate(part)}
            size = 1 if len(part) == 1 else _AT_ONCE
            asked = {f"w{place}": "" for place in range(size)} | names | self._times | {"most": limit}
            for word, at, ticket_id in self._connection.execute(_said(size), asked):
                found[word[skip:]].append((at, ticket_id))
            for word, rows in found.items():
                rows.sort()
                self._lines[word] = [row[0] for row in rows], [row[1] for row in rows], len(rows) == limit

    def look(self, word: str, since: float, until: float, most: int = CAP) -> tuple[Sequence[int], float]:
        """The latest tickets that have the word, at most so many, and how many there are: where they are too many to be
        counted, by their density, which is infinite where all came at once."""
        if word not in self._lines:
            self.read([word], most)
        times, tickets, cut = self._lines[word]
        end = bisect_right(times, until)
        start = max(bisect_left(times, since, 0, end), end - most)
        begin = bisect_left(times, since, 0, end)
        if not (cut and begin == 0 and end):
            return tickets[start:end], float(end - begin)
        span = until - times[0]
        return tickets[start:end], end * (until - since) / span if span > 0 else math.inf


_COUNT = select(func.count()).where(
    trait.c.word == bindparam("word", type_=Text),
    trait.c.at >= bindparam("since", type_=Double),
    trait.c.at <= bindparam("until", type_=Double),
)


@cache
def _said(words: int) -> CompoundSelect[Any]:
    """The latest tickets of each of so many words. A statement for each of them costs more than what it finds."""
    return union_all(*(select(_latest(place).subquery()) for place in range(words)))


def _latest(place: int) -> Select[tuple[str, float, int]]:
    since, until = (bindparam(name, type_=Double) for name in ("since", "until"))
    word, most = bindparam(f"w{place}", type_=Text), bindparam("most", type_=Integer)
    said = (trait.c.word == word, trait.c.at >= since, trait.c.at <= until)
    return select(trait.c.word, trait.c.at, trait.c.ticket_id).where(*said).order_by(trait.c.at.desc()).limit(most)
