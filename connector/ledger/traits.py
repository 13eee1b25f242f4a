"""Tickets by what they are known by: an index on words, of which only the time around a ticket is looked at.

What a look costs depends on the number of words and on caps, never on how many tickets or outages there are.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Double, Integer, Text, bindparam, delete, exists, func, insert, select

from connector.ledger.rows import slices
from connector.ledger.schema import live, member, problem, ticket, trait
from connector.problems.clusters import Heard
from connector.problems.likeness import PRIOR, PRIOR_TICKETS, Apps, Profile, slip
from connector.problems.signature import ALL, APP, NEW, Signature

# So long a ticket is remembered, in seconds: what came in since tells what is usual.
KEEP = 86_400.0
# Of each word so many tickets are looked at, the latest first; common words tell little anyway.
CAP = 64
# As many tell how much is heard at all, and how often something was said before.
CROWD, PAST = 1000, 300

UNHEARD, BUSY = 1.5, 600.0

_WORD, _SINCE, _UNTIL = (
    bindparam("word", type_=Text),
    bindparam("since", type_=Double),
    bindparam("until", type_=Double),
)
_MOST = bindparam("most", type_=Integer)
_SAID = (
    select(trait.c.at, trait.c.ticket_id)
    .where(trait.c.word == _WORD, trait.c.at >= _SINCE, trait.c.at <= _UNTIL)
    .order_by(trait.c.at.desc())
    .limit(_MOST)
)
_FREE = _SAID.where(~exists().where(member.c.ticket_id == trait.c.ticket_id))
_NTH = (
    select(trait.c.at)
    .where(trait.c.word == _WORD, trait.c.at >= _SINCE, trait.c.at <= _UNTIL)
    .order_by(trait.c.at.desc())
    .limit(1)
    .offset(CROWD)
)
_COUNT = select(func.count()).where(trait.c.word == _WORD, trait.c.at >= _SINCE, trait.c.at <= _UNTIL)
_FIRST = select(func.min(trait.c.at)).where(trait.c.word == _WORD)
_ANY = select(trait.c.ticket_id).where(trait.c.word == _WORD).limit(1)


class Traits:
    """The index of one sink within one transaction. `apps` remembers which words name which application, or none."""

    def __init__(self, connection: Connection, sink: str, apps: dict[str, str | None]) -> None:
        self.connection = connection
        self.sink = sink
        self._apps = apps

    def add(self, ticket_id: int, own: Signature) -> None:
        """From now on the ticket is found, and waits to be looked at."""
        words = [*own.traits, NEW]
        rows = [{"word": self.word(word), "at": own.at, "ticket_id": ticket_id} for word in words]
        self.connection.execute(insert(trait), rows)
        if new := own.apps - {word for word, app in self._apps.items() if app == word}:
            named = {word: app for word, app in self._apps.items() if app is not None}
            self._apps.clear()  # what named none may be a slip for one of these
            self._apps.update({**named, **{app: app for app in new}})

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
        asked = list(words)
        for word in asked:
            if word not in self._apps:
                there = self.connection.execute(_ANY, {"word": self.word(APP + word)}).first()
                self._apps[word] = word if there is not None else self._nearly(word)
        return {word: app for word in asked if (app := self._apps[word]) is not None}

    def _nearly(self, word: str) -> str | None:
        known = [app for app in self._apps.values() if app is not None]
        return slip(word, known)

    def signatures(self, ticket_ids: Iterable[int]) -> dict[int, Signature]:
        """What these tickets are known by; those that are forgotten are missing."""
        words: dict[int, list[str]] = defaultdict(list)
        at: dict[int, float] = {}
        skip = len(self.sink) + 1
        for part in slices(list(ticket_ids)):
            query = select(trait.c.ticket_id, trait.c.word, trait.c.at).where(trait.c.ticket_id.in_(part))
            for row in self.connection.execute(query):
                words[row[0]].append(row[1][skip:])
                at[row[0]] = row[2]
        return {each: Signature.of(found, at[each]) for each, found in words.items()}

    def free(self, words: Sequence[str], since: float, until: float) -> list[int]:
        """Tickets of that time that say these words and never belonged to an outage, those that say most first."""
        found: Counter[int] = Counter()
        for word in words:
            asked = {"word": self.word(word), "since": since, "until": until, "most": CAP}
            found.update(row.ticket_id for row in self.connection.execute(_FREE, asked))
        return [each for each, _ in found.most_common(CAP)]

    def forget(self, before: float, most: int) -> int:
        """Drop tickets that were taken in before this time, the oldest first; returns how many."""
        oldest = select(func.min(trait.c.ticket_id)).scalar_subquery()
        query = select(ticket.c.id).where(ticket.c.id >= oldest, ticket.c.created_at < before)
        gone = list(self.connection.execute(query.order_by(ticket.c.id).limit(most)).scalars())
        for part in slices(gone):
            self.connection.execute(delete(trait).where(trait.c.ticket_id.in_(part)))
        return len(gone)


class Around:
    """What was said before one ticket, within a window; a ground for `connector.problems.clusters`.

    What was said later does not count, although it may be known: it would make each report of an outage look common.
    """

    def __init__(self, traits: Traits, ticket_id: int, own: Signature, window: float, profiles: Profiles) -> None:
        self._traits = traits
        self._ticket = ticket_id
        self._own = own
        self._since, self._until = own.at - window, own.at
        self._profiles = profiles
        self._said = {word: self._look(word) for word in own.words}
        self.total = self._crowd()
        self.apps: Apps = traits.apps_among(own.words)

    def near(self, most: int) -> Sequence[int]:
        """Tickets that share its rarest words, those that share most first."""
        shared: Counter[int] = Counter()
        for tickets, count in self._said.values():
            weight = math.log(1 + self.total / (count + 1))
            for each in tickets:
                shared[each] += weight  # type: ignore[assignment]
        shared.pop(self._ticket, None)
        return [each for each, _ in shared.most_common(most)]

    def signatures(self, tickets: Iterable[int]) -> Mapping[int, Signature]:
        """What these tickets are known by."""
        found = self._traits.signatures(tickets)
        self.apps = {**self.apps, **self._traits.apps_among({word for own in found.values() for word in own.words})}
        return found

    def clusters(self, tickets: Iterable[int]) -> Mapping[int, int]:
        """Of these tickets, those that belong to an outage, or did, and to which."""
        found: dict[int, int] = {}
        for part in slices(list(tickets)):
            query = select(member.c.ticket_id, member.c.problem_id).where(member.c.ticket_id.in_(part))
            found.update((row[0], row[1]) for row in self._traits.connection.execute(query))
        return found

    def profile(self, cluster: int) -> Profile | None:
        """What the outage's tickets have in common; None where it takes in no more."""
        return self._profiles.at(cluster, self._own.at)

    def live(self) -> Mapping[int, Profile]:
        """The outages that are going on."""
        return self._profiles.live(self._own.at)

    def later(self) -> Sequence[int]:
        """Outages whose first report is later than this one, which came late."""
        at = self._own.at
        return [each for each in self._profiles.live(at) if self._profiles.row(each)["first_at"] > at]

    def rate(self, word: str, besides: float) -> float:
        """The part of all tickets of this time that have the word, `besides` so many that are known to."""
        if word not in self._said:
            self._said[word] = self._look(word)
        count = max(self._said[word][1] - besides, 0.0)
        return (count + PRIOR * PRIOR_TICKETS) / (self.total + PRIOR_TICKETS)

    def heard(self, words: Sequence[str], least: int, window: float) -> Heard:
        """How many tickets said at least so many of these words in the window before this one, and what is usual."""
        at = self._own.at
        told: dict[int, list[float]] = defaultdict(list)
        since = at - KEEP
        for word in words:
            rows = self._rows(word, at - KEEP, at, PAST)
            if len(rows) == PAST:
                since = max(since, rows[-1][0])
            for when, each in rows:
                told[each].append(when)
        times = [when[0] for when in told.values() if len(when) >= least]
        recent = sum(when >= at - window for when in times)
        first = self._traits.connection.execute(_FIRST, {"word": self._traits.word(ALL)}).scalar()
        span = at - window - max(since, at if first is None else first)
        if span < window / 2:
            return Heard(recent, self.total, None if since == at - KEEP else float(recent))
        before = sum(since <= when < at - window for when in times)
        # What was not heard in a short while may be usual all the same, the more so the more is heard at all.
        unheard = UNHEARD * min(self.total / BUSY, 1.0)
        return Heard(recent, self.total, (before + unheard) * window / span)

    def _look(self, word: str) -> tuple[list[int], float]:
        """The latest tickets that have the word, and how many there are by their density."""
        rows = self._rows(word, self._since, self._until, CAP)
        span = self._until - rows[-1][0] if len(rows) == CAP else 0.0
        count = CAP * (self._until - self._since) / span if span > 0 else float(len(rows))
        return [row[1] for row in rows], count

    def _rows(self, word: str, since: float, until: float, most: int) -> list[tuple[float, int]]:
        asked = {"word": self._traits.word(word), "since": since, "until": until, "most": most}
        return [(row[0], row[1]) for row in self._traits.connection.execute(_SAID, asked)]

    def _crowd(self) -> int:
        """How many tickets there are around this time, counted up to a limit and then by their density."""
        asked = {"word": self._traits.word(ALL), "since": self._since, "until": self._until}
        run = self._traits.connection.execute
        far = run(_NTH, asked).scalar()
        if far is None:
            return max(int(run(_COUNT, asked).scalar_one()), 1)
        return int(CROWD * (self._until - self._since) / max(self._until - far, 1.0))


class Profiles:
    """The outages of one sink, read once in a transaction and written at its end."""

    def __init__(self, connection: Connection, sink: str, window: float) -> None:
        self._connection = connection
        self._sink = sink
        self._window = window
        self.rows: dict[int, dict[str, Any]] = {}
        self._profiles: dict[int, Profile] = {}

    def row(self, cluster: int) -> dict[str, Any]:
        """The outage's row; what is changed in it is written by whoever changes it."""
        if cluster not in self.rows:
            found = self._connection.execute(select(problem).where(problem.c.id == cluster)).one()
            self._keep(dict(found._mapping))
        return self.rows[cluster]

    def whole(self, cluster: int) -> Profile:
        """What the outage's tickets have in common, to be added to."""
        self.row(cluster)
        return self._profiles[cluster]

    def new(self, row: dict[str, Any], profile: Profile) -> None:
        """An outage that this transaction makes."""
        self.rows[row["id"]] = row
        self._profiles[row["id"]] = profile

    def at(self, cluster: int, at: float) -> Profile | None:
        """The profile of an outage that takes in a report of this time."""
        row = self.row(cluster)
        if row["merged_into"] is not None:
            return None
        late = row["ended_at"] is not None and row["state"] != "refused" and at > row["ended_at"]
        near = row["first_at"] - self._window <= at <= row["last_at"] + self._window
        return self._profiles[cluster] if near and not late else None

    def live(self, at: float) -> dict[int, Profile]:
        """The profiles of those that were suggested or opened and go on."""
        query = select(problem.c.id).where(problem.c.sink == self._sink, live, problem.c.last_at >= at - self._window)
        known = [*self._connection.execute(query.order_by(problem.c.id)).scalars()]
        known += [each for each, row in self.rows.items() if row["state"] in ("suggested", "open")]
        found = {each: self.at(each, at) for each in dict.fromkeys(known)}
        return {each: profile for each, profile in found.items() if profile is not None}

    def _keep(self, row: dict[str, Any]) -> None:
        self.rows[row["id"]] = row
        self._profiles[row["id"]] = Profile.read(json.loads(row["binds"]))
