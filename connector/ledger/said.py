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
from connector.problems.likeness import PRIOR_TICKETS
from connector.problems.signature import ALL

# Of each word so many tickets are looked at, the latest first; common words tell little anyway.
CAP = 64
# As many tell how much is heard at all.
CROWD = 1000
QUIET = int(PRIOR_TICKETS)
EVERY = 1_000_000
_AT_ONCE = 32

Line = tuple[list[float], list[int], bool]


class Said:
    """The tickets that have a word, from a `window` before `first` on, for looks that end between `first` and `last`.

    Where little was heard before these, for they came in late, some of what came after is known too; `until` ends it.
    """

    def __init__(self, connection: Connection, sink: str, window: float, first: float, last: float) -> None:
        self._connection = connection
        self._sink = sink
        self._since = first - window
        self.until = self._beyond(last, window) if self._count(self._since, first, QUIET) < QUIET else last
        # So many may be later than the look that ends first; they must not hide what was before it.
        self._later = self._count(first, self.until)
        self._lines: dict[str, Line] = {}

    def _count(self, after: float, until: float, most: int = EVERY) -> int:
        between = {"word": f"{self._sink}:{ALL}", "after": after, "until": until, "most": most}
        return self._connection.execute(_COUNT, between).scalar_one()

    def _beyond(self, last: float, window: float) -> float:
        """The end of the window after this time, or when as many were heard as tell how much is heard."""
        asked = {"word": f"{self._sink}:{ALL}", "after": last, "until": last + window, "most": CROWD}
        at: float | None = self._connection.execute(_NTH, asked).scalar()
        return last + window if at is None else at

    def read(self, words: Iterable[str], most: int = CAP) -> None:
        """Make these words known."""
        missing = [word for word in dict.fromkeys(words) if word not in self._lines]
        limit = most + self._later
        skip = len(self._sink) + 1
        times = {"since": self._since, "until": self.until}
        for part in slices(missing, _AT_ONCE):
            found: dict[str, list[tuple[float, int]]] = {word: [] for word in part}
            names = {f"w{place}": f"{self._sink}:{word}" for place, word in enumerate(part)}
            size = 1 if len(part) == 1 else _AT_ONCE
            asked = {f"w{place}": "" for place in range(size)} | names | times | {"most": limit}
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


_WORD, _AFTER, _UNTIL = (
    bindparam("word", type_=Text),
    bindparam("after", type_=Double),
    bindparam("until", type_=Double),
)
_BETWEEN = select(trait.c.at).where(trait.c.word == _WORD, trait.c.at > _AFTER, trait.c.at <= _UNTIL)
_MOST = bindparam("most", type_=Integer)
_COUNT = select(func.count()).select_from(_BETWEEN.limit(_MOST).subquery())
_NTH = _BETWEEN.order_by(trait.c.at).limit(1).offset(_MOST)


@cache
def _said(words: int) -> CompoundSelect[Any]:
    """The latest tickets of each of so many words. A statement for each of them costs more than what it finds."""
    return union_all(*(select(_latest(place).subquery()) for place in range(words)))


def _latest(place: int) -> Select[tuple[str, float, int]]:
    since, until = (bindparam(name, type_=Double) for name in ("since", "until"))
    word, most = bindparam(f"w{place}", type_=Text), bindparam("most", type_=Integer)
    said = (trait.c.word == word, trait.c.at >= since, trait.c.at <= until)
    return select(trait.c.word, trait.c.at, trait.c.ticket_id).where(*said).order_by(trait.c.at.desc()).limit(most)
