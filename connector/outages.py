"""What a person may do with outages. Doors call these; none of them talks to a remote: the next run does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from connector.engine.gather import accept
from connector.engine.wiring import Wiring
from connector.errors import Finding, SettingsError
from connector.ledger import outages, people, problems
from connector.ledger.outages import NoSuchProblem
from connector.plugins import Parents
from connector.problems.likeness import Profile
from connector.problems.parent import titled
from connector.problems.signature import signature

LISTED = 200


class Outages:
    """Each takes problems by key, a unique beginning of it, or the record's number, and says what became of it.

    Raises NoSuchProblem or NoSuchTicket for a name that fits none or several, and for what cannot be done; then
    nothing is changed.
    """

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    def listed(self, everything: bool = False) -> list[dict[str, Any]]:
        """What is suggested or open, and why its tickets belong together; or all there ever was, the latest first."""
        with self._wiring.db.read() as connection:
            return outages.listed(connection, everything, LISTED)

    def open(self, names: Sequence[str], title: str = "") -> dict[str, Any]:
        """These tickets are an outage, as a person says."""
        ids = [people.find_ticket(self._wiring.db, name) for name in names]
        with self._wiring.db.write() as connection:
            rows = problems.tickets(connection, ids)
            sink = self._sink_of(problems.sinks(connection, ids))
            now = self._wiring.clock.wall()
            known = [signature(rows[each], str(each), now) for each in ids]
            profile = Profile.of(known, {})
            times = (min(own.at for own in known), max(own.at for own in known))
            titled_as = title.strip()[:120] or titled(rows, {})
            row = problems.mint(connection, sink, titled_as, profile, times, rows[min(ids)])
            outages.add(connection, row, ids, now)
            accept(connection, row, now)
            return _said(connection, row)

    def link(self, name: str, tickets: Sequence[str]) -> dict[str, Any]:
        """These tickets belong to the problem, wherever they belonged before."""
        ids = [people.find_ticket(self._wiring.db, each) for each in tickets]
        with self._wiring.db.write() as connection:
            row = outages.find(connection, name)
            outages.add(connection, row, ids, self._wiring.clock.wall())
            return _said(connection, row)

    def unlink(self, tickets: Sequence[str]) -> list[dict[str, Any]]:
        """These tickets belong to no problem, and stay out; says what became of each problem that they belonged to."""
        ids = {each: people.find_ticket(self._wiring.db, each) for each in tickets}
        with self._wiring.db.write() as connection:
            rows = [self._remove(connection, name, ticket_id) for name, ticket_id in ids.items()]
            return [_said(connection, row) for row in {row["key"]: row for row in rows}.values()]

    def _remove(self, connection: Connection, name: str, ticket_id: int) -> dict[str, Any]:
        try:
            return outages.remove(connection, ticket_id, self._wiring.clock.wall())
        except NoSuchProblem as error:
            raise NoSuchProblem(f"{name} belongs to no problem", error.remedy) from None

    def merge(self, loser: str, winner: str) -> dict[str, Any]:
        """Two problems are one: all tickets go to the second, and the first ends as its duplicate."""
        with self._wiring.db.write() as connection:
            one, other = outages.find(connection, loser), outages.find(connection, winner)
            outages.merge(connection, one, other, self._wiring.clock.wall())
            if other["state"] == "suggested" and one["ticket_id"] is not None:
                self._accept(connection, other)
            return _said(connection, other)

    def accept(self, name: str) -> dict[str, Any]:
        """What was suggested is an outage: it gets a record at the help desk."""
        with self._wiring.db.write() as connection:
            row = outages.find(connection, name)
            if row["state"] != "suggested":
                raise NoSuchProblem(f"problem {row['key']} is {row['state']}", "only what is suggested can be accepted")
            self._accept(connection, row)
            return _said(connection, row)

    def refuse(self, name: str) -> dict[str, Any]:
        """What was suggested is no outage; what comes in like it soon is not suggested again."""
        with self._wiring.db.write() as connection:
            row = outages.find(connection, name)
            outages.refuse(connection, row, self._wiring.clock.wall())
            return _said(connection, {**row, "state": "refused"})

    def resolve(self, name: str, notes: str = "", code: str = "") -> dict[str, Any]:
        """The outage is over: its record is resolved, and its incidents follow."""
        said = {key: value for key, value in (("notes", notes), ("code", code)) if value}
        with self._wiring.db.write() as connection:
            row = outages.find(connection, name)
            outages.resolve(connection, row, said, self._wiring.clock.wall())
            return _said(connection, row)

    def _accept(self, connection: Connection, row: dict[str, Any]) -> None:
        self._sink_of({row["sink"]})
        accept(connection, row, self._wiring.clock.wall())

    def _sink_of(self, names: set[str]) -> str:
        """The one sink of these names, which must be able to make a parent. Raises SettingsError, NoSuchProblem."""
        if len(names) != 1:
            raise NoSuchProblem("these tickets go to several help desks", "open a problem for each of them")
        [name] = names
        outlet = self._wiring.outlets.get(name)
        if outlet is None or not isinstance(outlet.sink, Parents):
            raise SettingsError([Finding("no-parents", name, f"{name} makes no problems", "link by hand there")])
        return name


def _said(connection: Connection, row: Mapping[str, Any]) -> dict[str, Any]:
    tickets = len(problems.members(connection, row["id"]))
    return {"problem": row["key"], "state": row["state"], "title": row["title"], "tickets": tickets}
