"""Gather: see which new tickets belong together, open what is an outage, and hang its tickets on its parent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import structlog
from sqlalchemy import Connection, Row

from connector.config import Problems
from connector.engine.wiring import Outlet, Wiring
from connector.errors import Busy
from connector.ledger import leases, outages, problems
from connector.ledger.around import Around, Members, Profiles
from connector.ledger.leases import Lease
from connector.ledger.problems import Belongs
from connector.ledger.said import CROWD, Said
from connector.ledger.traits import KEEP, Names, Traits
from connector.plugins import Parents
from connector.problems.clusters import Joins, Opens, Thresholds, matching, place, same
from connector.problems.likeness import Likeness, Profile
from connector.problems.parent import parent, titled
from connector.problems.signature import ALL, NEW, Signature, signature, stems, whole
from connector.ticket import Ticket

log = structlog.get_logger("connector.gather")

BATCH, LEARNT = 200, 500
FORGOTTEN = 500
SPELL = 450.0  # seconds; what was said before all tickets of a spell is read at once
# Sizes of an outage at which tickets that came before are looked at again: by then more is known of it.
GROWN = (4, 6, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 72, 80, 96, 112, 128, 160, 192, 256, 384, 512, 768, 1024)


def gather(wiring: Wiring, outlet: Outlet) -> int:
    """What came in since the last look is looked at, and what belongs to open problems is linked; returns how much was
    done. Nothing where another process is at it."""
    if wiring.problems.mode == "off":
        return 0
    held = leases.take(wiring.db, f"gather:{outlet.name}", wiring.who, wiring.clock.wall())
    if held is None:
        return 0
    try:
        return _look(wiring, outlet, held) + link(wiring, outlet)
    except Busy:
        return 0
    finally:
        leases.give_back(wiring.db, held)


def link(wiring: Wiring, outlet: Outlet) -> int:
    """Hang members on their parents, wherever both are there."""
    sink = outlet.sink
    raised = sink.raised if wiring.problems.raise_priority and isinstance(sink, Parents) else None
    done = 0
    while some := problems.link_members(wiring.db, outlet.name, raised, wiring.clock.wall()):
        done += some
    with wiring.db.write() as connection:
        return done + outages.close_merged(connection, outlet.name, wiring.clock.wall())


def _look(wiring: Wiring, outlet: Outlet, held: Lease) -> int:
    """First all that is new is made known, then each is looked at: what came in at once is known at once."""
    names = Names()
    learnt = _each_batch(wiring, outlet, held, names, Gathering.learn, LEARNT)
    return learnt + _each_batch(wiring, outlet, held, names, Gathering.place, BATCH)


def _each_batch(
    wiring: Wiring, outlet: Outlet, held: Lease, names: Names, step: Callable[[Gathering], int], full: int
) -> int:
    done, some = 0, full
    while some == full and not wiring.stop():
        now = wiring.clock.wall()
        with wiring.db.write() as connection:
            leases.renew(connection, held, now)
            opens = isinstance(outlet.sink, Parents)
            some = step(Gathering(connection, wiring.problems, outlet.name, opens, now, names))
        if some:
            done += some
            log.debug("gathered", sink=outlet.name, tickets=some)
    return done


class Gathering:
    """One batch of tickets within one transaction."""

    def __init__(
        self,
        connection: Connection,
        settings: Problems,
        sink: str,
        opens: bool,
        now: float,
        names: Names,
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._sink = sink
        self._auto = settings.mode == "auto" and opens
        self._now = now
        self._traits = Traits(connection, sink, names)
        self._members = Members(connection)
        self._longest = max([settings.window, *(each.window or 0.0 for each in settings.applications.values())])
        self._changed: set[int] = set()

    def learn(self) -> int:
        """Keep what the next tickets are known by, `LEARNT` at most; returns how many."""
        rows = problems.unknown(self._connection, self._sink, self._now, LEARNT)
        if rows:
            self._traits.add({row.id: _known(row) for row in rows})
            problems.now_known(self._connection, self._sink, rows[-1].id)
        if len(rows) < LEARNT:
            self._traits.forget(self._now - KEEP, FORGOTTEN)
        return len(rows)

    def place(self) -> int:
        """Look where the next tickets belong, in the order in which they were reported, `BATCH` at most; returns
        how many."""
        tickets = problems.unplaced(self._connection, self._traits.word(NEW), BATCH)
        # Older ones are no news: they open nothing.
        since = (self._traits.last() or self._now) - KEEP
        each = {one: own for one, own in self._traits.signatures(tickets).items() if own.at >= since}
        if each:
            first = min(own.at for own in each.values())
            self._profiles = Profiles(self._connection, self._sink, self._longest, first)
        for spell in spells(each):
            self._prepare(spell)
            for ticket_id, own in spell.items():
                if not self._members.of([ticket_id]):  # another may have taken this one in meanwhile
                    self._one(ticket_id, own)
        for cluster in self._changed:
            problems.keep(self._connection, self._profiles.row(cluster), self._profiles.whole(cluster))
        for cluster in sorted(self._changed):
            if self._profiles.row(cluster)["merged_into"] is None:
                self._make_one(cluster)
        self._traits.placed(tickets)
        return len(tickets)

    def _make_one(self, cluster: int) -> None:
        """What grew until it met another outage that is the same: the one that is not open, or was seen later, belongs
        to the other from now on."""
        for other in self._profiles.touching(cluster):
            if same(self._profiles.whole(cluster), self._profiles.whole(other)):
                into, over = sorted((cluster, other), key=self._profiles.rank)
                self._profiles.merge(over, into)
                keys = [self._profiles.row(each)["key"] for each in (over, into)]
                log.info("two problems are one", sink=self._sink, problem=keys[0], into=keys[1])
                ends, goes_on = (outages.find(self._connection, key) for key in keys)
                outages.merge(self._connection, ends, goes_on, self._now)
                return

    def _prepare(self, each: Mapping[int, Signature]) -> None:
        """Read at once what is asked for by all of them."""
        first, last = min(own.at for own in each.values()), max(own.at for own in each.values())
        self._said = Said(self._connection, self._sink, self._longest, first, last)
        self._said.read([ALL], CROWD)
        self._said.read(word for own in each.values() for word in own.words)
        self._members.of(each)

    def _one(self, ticket_id: int, known: Signature) -> None:
        asked = thresholds(self._settings, known)
        ground = Around(self._traits, self._said, self._members, self._profiles, (ticket_id, known), asked.window)
        named = problems.named(self._connection, self._sink, known.names, ticket_id)
        for cluster in named.values():
            if self._profiles.at(cluster, known.at) is not None:
                self._join(cluster, {ticket_id: known}, {ticket_id: "it names a ticket of it"}, ground)
                return
        match place(ticket_id, known, ground, asked):
            case Joins(cluster, likeness):
                self._join(cluster, {ticket_id: known}, {ticket_id: _said(likeness)}, ground)
            case Opens() as opens:
                self._open({**ground.signatures(opens.why), ticket_id: known}, opens, ground)

    def _open(self, group: Mapping[int, Signature], opens: Opens, ground: Around) -> None:
        why = {each: _said(likeness) for each, likeness in opens.why.items()}
        cluster = opens.cluster
        if cluster is None:
            profile = Profile.of((), ground.apps)
            tickets = problems.tickets(self._connection, list(opens.why))
            title = titled(tickets, {each: likeness.score for each, likeness in opens.why.items()})
            times = [own.at for own in group.values()]
            first = tickets[min(tickets, key=lambda each: (group[each].at, each))]
            row = problems.mint(self._connection, self._sink, title, profile, (min(times), max(times)), first)
            self._profiles.new(row, profile)
            cluster = row["id"]
            log.info("tickets belong together", sink=self._sink, problem=row["key"], tickets=len(group))
        self._join(cluster, group, why, ground, fresh=True)
        row = self._profiles.row(cluster)
        if self._auto and row["state"] == "suggested":
            accept(self._connection, row, self._now)

    def _join(
        self, cluster: int, group: Mapping[int, Signature], why: Mapping[int, str], ground: Around, fresh: bool = False
    ) -> None:
        row, profile = self._profiles.row(cluster), self._profiles.whole(cluster)
        problems.join(self._connection, row, [Belongs(each, why[each]) for each in group], self._now)
        self._members.joined(cluster, group)
        size = profile.size
        for own in group.values():
            profile.add(own, ground.apps)
            row["first_at"], row["last_at"] = min(row["first_at"], own.at), max(row["last_at"], own.at)
        self._changed.add(cluster)
        if fresh or any(size < each <= profile.size for each in GROWN):
            self._take_in(cluster, ground)

    def _take_in(self, cluster: int, ground: Around) -> None:
        """Tickets that came before and belong to it, by what is known of it now."""
        row, window = self._profiles.row(cluster), self._settings.window
        profile = self._profiles.at(cluster, row["last_at"]) or self._profiles.whole(cluster)
        earlier = self._traits.free(profile.telling(), row["first_at"] - window, row["last_at"] + window)
        found = matching(ground.signatures(earlier), profile, ground, ground.mates(cluster))
        if found:
            signatures = self._traits.signatures(found)
            self._join(cluster, signatures, {each: _said(found[each]) for each in signatures}, ground)


def accept(connection: Connection, row: dict[str, Any], now: float) -> None:
    """A suggested problem becomes an outage with a parent."""
    reports = problems.members(connection, row["id"])
    bodies = [Ticket.model_validate_json(each.body) for each in reports]
    binds = list(dict.fromkeys(word for each in reports for word in each.why.split(", ")))[:8]
    own = parent(row["key"], row["title"], bodies, row["first_at"], list(whole(binds, bodies).values()))
    groups = [each.grp for each in reports if each.grp]
    group = max(set(groups), key=groups.count, default="")
    first = problems.first_known(connection, row["sink"], [each.ticket_id for each in reports])
    problems.open_problem(connection, row, own, group, first, now)


def spells(each: Mapping[int, Signature]) -> Iterator[dict[int, Signature]]:
    """These tickets by the time at which they were reported, the first ones first, in spells that are short: what came
    in late may be of any time."""
    spell: dict[int, Signature] = {}
    for one, own in sorted(each.items(), key=lambda known: (known[1].at, known[0])):
        if spell and own.at - next(iter(spell.values())).at > SPELL:
            yield spell
            spell = {}
        spell[one] = own
    if spell:
        yield spell


def thresholds(settings: Problems, own: Signature) -> Thresholds:
    """What makes an outage of this ticket's application."""
    for name, each in settings.applications.items():
        if set(stems(name)) & (own.apps or own.words):
            return Thresholds(
                each.tickets or settings.tickets, each.people or settings.people, each.window or settings.window
            )
    return Thresholds(settings.tickets, settings.people, settings.window)


def _known(row: Row[Any]) -> Signature:
    return signature(Ticket.model_validate_json(row.body), f"{row.source}:{row.external_id}", row.created_at)


def _said(likeness: Likeness) -> str:
    return ", ".join(likeness.words)
