"""What is known of other tickets around the time of one: the ground on which it is placed."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from connector.ledger.rows import slices
from connector.ledger.said import CROWD, QUIET, Said
from connector.ledger.schema import LIVE, live, member, problem
from connector.ledger.traits import KEEP, Traits
from connector.problems.clusters import LONG, Bound, Heard
from connector.problems.likeness import ALONE, PRIOR, PRIOR_TICKETS, Apps, Mates, Profile, weight
from connector.problems.signature import ALL, APP, Signature

# So many reports tell how often something was said before.
PAST = 300
UNHEARD, BUSY = 1.5, 600.0
# Words by which tickets like it are sought, and how much these must say for two of them to be looked at together.
SOUGHT, LIKELY = 10, 4.0


class Around:
    """What was said before one ticket, within a window; a ground for `connector.problems.clusters`.

    What was said later does not count, although it may be known: it would make each report of an outage look common.
    """

    def __init__(
        self,
        traits: Traits,
        said: Said,
        members: Members,
        profiles: Profiles,
        own: tuple[int, Signature],
        window: float,
    ) -> None:
        self._traits = traits
        self._said = said
        self._members = members
        self._profiles = profiles
        self._ticket, self._own = own
        self._since, self._until = self._own.at - window, self._own.at
        self._counts: dict[str, float] = {}
        self.total = self._all()
        # Where little was heard before one that came in late, what came after it tells how usual a word is.
        if self.total < QUIET:
            self._until = max(min(self._own.at + window, said.until), self._own.at)
            self.total = self._all()
        self.apps: Apps = traits.apps_among(self._own.words)

    def _all(self) -> float:
        everything, count = self._said.look(ALL, self._since, self._until, CROWD)
        return max(count if math.isfinite(count) else len(everything), 1.0)

    def near(self, most: int) -> Sequence[int]:
        """Tickets that share its rarest words, those that share most first."""
        looks = []
        for word in self._own.words:
            tickets, _ = self._said.look(word, self._since, self._own.at)
            if len(tickets) > 1:
                looks.append((weight(1.0, self.rate(word, 1.0), word), word, tickets))
        looks.sort(key=lambda look: (-look[0], look[1]))
        shared: dict[int, float] = {}
        for worth, _, tickets in looks[:SOUGHT]:
            if worth <= 0:
                break
            for each in tickets:
                shared[each] = shared.get(each, 0.0) + worth
        shared.pop(self._ticket, None)
        likely = [each for each, worth in shared.items() if worth >= LIKELY]
        return sorted(likely, key=lambda each: (-shared[each], -each))[:most]

    def signatures(self, tickets: Iterable[int]) -> Mapping[int, Signature]:
        """What these tickets are known by."""
        found = self._traits.signatures(tickets)
        words = {word for own in found.values() for word in own.words}
        self.apps = {**self.apps, **self._traits.apps_among(words)}
        self._said.read(words)
        return found

    def clusters(self, tickets: Iterable[int]) -> Mapping[int, int]:
        """Of these tickets, those that belong to an outage, or did, and to which."""
        return self._members.of(tickets)

    def profile(self, cluster: int) -> Profile | None:
        """What the outage's tickets have in common; None where it takes in no more."""
        return self._profiles.at(cluster, self._own.at, self._until)

    def mates(self, cluster: int) -> Mates:
        """Tickets of this time that name the outage's application."""
        app = self._profiles.whole(cluster).main_app()
        if app is None:
            return ALONE
        looks = (self._said.look(each, self._since, self._until)[0] for each in (app, APP + app))
        naming = {each for look in looks for each in look} - {self._ticket}
        clusters = self._members.of(naming)
        joined = {each for each in naming if clusters.get(each) == cluster}
        others = self._traits.signatures(naming - joined)
        return Mates(len(joined), len(others), Counter(word for own in others.values() for word in own.words))

    def live(self) -> Mapping[int, Profile]:
        """The outages that are going on."""
        return self._profiles.live(self._own.at, self._until)

    def later(self) -> Sequence[int]:
        """Outages whose first report is later than this one, which came late."""
        return self._profiles.later(self._own.at)

    def rate(self, word: str, besides: float) -> float:
        """The part of all tickets of this time that have the word, `besides` so many that are known to."""
        if word not in self._counts:
            self._counts[word] = self._said.look(word, self._since, self._until)[1]
        count = max(min(self._counts[word], self.total) - besides, 0.0)
        return (count + PRIOR * PRIOR_TICKETS) / (self.total + PRIOR_TICKETS)

    def heard(self, words: Sequence[str], least: int, window: float) -> Heard:
        """How many tickets said at least so many of these words in the window before this one, and what is usual."""
        at = self._own.at
        told: dict[int, list[float]] = defaultdict(list)
        since = at - KEEP
        for word in words:
            rows = self._traits.said(word, at - KEEP, at, PAST)
            if len(rows) == PAST:
                since = max(since, rows[-1][0])
            for when, each in rows:
                told[each].append(when)
        times = [when[0] for when in told.values() if len(when) >= least]
        recent = sum(when >= at - window for when in times)
        first = self._traits.first()
        span = at - window - max(since, at if first is None else first)
        if span < window / 2:
            of = max(self.total, len(self._said.look(ALL, at, at + window, CROWD)[0]))
            return Heard(recent, int(of), None if since == at - KEEP else float(recent), max(span, 0.0))
        before = sum(since <= when < at - window for when in times)
        # What was not heard in a short while may be usual all the same, the more so the more is heard at all.
        unheard = UNHEARD * min(self.total / BUSY, 1.0)
        return Heard(recent, int(self.total), (before + unheard) * window / span, span)

    def bound(self, words: Sequence[str], least: int, app: str) -> Bound:
        """How far saying at least so many of these words and naming this application go together, by all that was heard
        of late: an outage that is told of rarely takes its time. What is told by a field counts, where any is: a word
        of a text may be a name by chance."""
        since = self._own.at - LONG
        told: dict[int, int] = defaultdict(int)
        for word in words:
            for _, each in self._traits.said(word, since, self._until, PAST):
                told[each] += 1
        saying = self.signatures(each for each, count in told.items() if count >= least)
        told_by_field = [own.apps for own in saying.values() if own.apps]
        naming = told_by_field or [
            apps for own in saying.values() if (apps := own.words & (self._traits.names.apps or set()))
        ]
        return Bound(
            sum(app in apps for apps in naming),
            len(naming),
            sum(app in own.apps or app in own.words for own in saying.values()),
            max(self._traits.count(each, since, self._until) for each in (app, APP + app)),
            len(saying),
            self._traits.count(ALL, since, self._until),
        )


class Members:
    """Who belongs to which outage, or did, as far as it was asked for in this transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[int, int | None] = {}

    def of(self, tickets: Iterable[int]) -> Mapping[int, int]:
        """Those of these tickets that belong to an outage, and to which."""
        asked = list(tickets)
        missing = [each for each in asked if each not in self._known]
        self._known.update(dict.fromkeys(missing))
        for part in slices(missing):
            query = select(member.c.ticket_id, member.c.problem_id).where(member.c.ticket_id.in_(part))
            self._known.update((row[0], row[1]) for row in self._connection.execute(query))
        return {each: cluster for each in asked if (cluster := self._known[each]) is not None}

    def joined(self, cluster: int, tickets: Iterable[int]) -> None:
        """These do from now on."""
        self._known.update(dict.fromkeys(tickets, cluster))


class Profiles:
    """The outages of one sink, read once in a transaction and written at its end. `since` is the time of the first
    ticket that is looked at in it."""

    def __init__(self, connection: Connection, sink: str, window: float, since: float) -> None:
        self._connection = connection
        self._window = window
        self.rows: dict[int, dict[str, Any]] = {}
        self._profiles: dict[int, Profile] = {}
        late = problem.c.last_at >= since - window
        query = select(problem).where(problem.c.sink == sink, live, late).order_by(problem.c.id)
        for row in connection.execute(query):
            self._keep(dict(row._mapping))

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

    def at(self, cluster: int, at: float, until: float | None = None) -> Profile | None:
        """The profile of an outage that takes in a report of this time; `until` ends the time that is looked at, where
        it is later."""
        row = self.row(cluster)
        if row["merged_into"] is not None:
            return None
        late = row["ended_at"] is not None and row["state"] != "refused" and at > row["ended_at"]
        near = row["first_at"] - self._window <= at <= row["last_at"] + self._window
        if late or not near:
            return None
        profile = self._profiles[cluster]
        profile.recent = part_of(row["first_at"], row["last_at"], at - self._window, at if until is None else until)
        return profile

    def live(self, at: float, until: float | None = None) -> dict[int, Profile]:
        """The profiles of those that were suggested or opened and go on."""
        known = [each for each, row in self.rows.items() if row["state"] in LIVE]
        return {each: profile for each in known if (profile := self.at(each, at, until)) is not None}

    def later(self, at: float) -> list[int]:
        """Those that go on, and whose first report is later."""
        late = [each for each, row in self.rows.items() if row["first_at"] > at]
        return [each for each in self.live(at) if each in late] if late else []

    def touching(self, cluster: int) -> list[int]:
        """Others that go on, and that were not silent for longer between them than the window."""
        own = self.row(cluster)
        first, last = own["first_at"] - self._window, own["last_at"] + self._window
        return sorted(
            each
            for each, row in self.rows.items()
            if each != cluster and _goes_on(row) and row["first_at"] <= last and row["last_at"] >= first
        )

    def rank(self, cluster: int) -> tuple[bool, int]:
        """Of two that are one, the lower goes on: what a person accepted, or what was seen first."""
        return self.row(cluster)["state"] != "open", cluster

    def merge(self, cluster: int, into: int) -> None:
        """One of them is over, and what it had is the other's."""
        ended, row = self.rows[cluster], self.rows[into]
        ended["merged_into"] = into
        row["first_at"], row["last_at"] = min(row["first_at"], ended["first_at"]), max(row["last_at"], ended["last_at"])
        self._profiles[into].plus(self._profiles[cluster])

    def _keep(self, row: dict[str, Any]) -> None:
        self.rows[row["id"]] = row
        self._profiles[row["id"]] = Profile.read(json.loads(row["binds"]))


def _goes_on(row: Mapping[str, Any]) -> bool:
    return row["state"] in LIVE and row["merged_into"] is None and row["ended_at"] is None


def part_of(first: float, last: float, since: float, until: float) -> float:
    """Which part of what happened between `first` and `last` lies between these times, if it came evenly."""
    if last <= first:
        return float(since <= first <= until)
    return max(min(last, until) - max(first, since), 0.0) / (last - first)
