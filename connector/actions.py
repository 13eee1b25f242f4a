"""What a person may do about a held ticket. Doors call these; none of them talks to a remote but `confirm`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from connector.clock import Clock
from connector.delivery import Move
from connector.engine.collect import read_again
from connector.engine.prepare import spelt_out
from connector.engine.wiring import Inlet, Wiring
from connector.errors import Busy, NoSuchTicket
from connector.ledger import deliveries, leases, people, records, settling
from connector.ledger.leases import Lease
from connector.ledger.people import Act
from connector.ledger.settling import Done
from connector.ledger.taken import Taken
from connector.plugins import Counted, Do, Receipt, Record


class Actions:
    """Each takes tickets by name (SOURCE:EXTERNAL_ID, a unique beginning, a remote number) and says what it did.

    Raises NoSuchTicket for a name that fits none or several; then nothing is changed.
    """

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    def retry(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """Make waiting rows due now; read a rejected record (SOURCE:PLACE) once more."""
        return self._each_or_record(names, people.hurry, self._read_again)

    def release(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """Queue blocked rows again, rendered anew."""
        return self._each(names, people.release)

    def drop(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """End what has not been sent, or a rejected record (SOURCE:PLACE). What is unsure stays: confirm it first."""
        return self._each_or_record(names, people.drop, self._give_up)

    def replan(self, names: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Render again what was never claimed, of these tickets or of all."""
        ids = self._ids(names) if names else None
        return [asdict(act) for act in people.replan(self._wiring.db, ids, self._clock.wall())]

    def confirm(self, name: str, *, sent: str | None = None, absent: bool = False) -> list[dict[str, Any]]:
        """Settle unsure rows by what a person saw: made there under `sent`, or not there at all.

        Only the first unsure row of the ticket is confirmed as sent: a remote id names one record.
        """
        ticket_id = self._ids([name])[0]
        if absent:
            return [asdict(act) for act in people.confirm_absent(self._wiring.db, ticket_id, self._clock.wall())]
        return [asdict(self._confirm_sent(ticket_id, name, sent or ""))]

    def _rejected(self, name: str) -> tuple[Inlet, Record] | None:
        source, _, place = name.partition(":")
        inlet = next((it for it in self._wiring.inlets.values() if source in (it.name, it.id)), None)
        found = records.rejected(self._wiring.db, inlet.id, place) if inlet is not None else None
        return None if inlet is None or found is None else (inlet, found)

    def _read_again(self, name: str, inlet: Inlet, record: Record) -> Act:
        with self._reading(inlet) as held:
            return Act(name, "", "read", record.place, "rejected", read_again(self._wiring, inlet, held, record))

    def _give_up(self, name: str, inlet: Inlet, record: Record) -> Act:
        wiring, given_up = self._wiring, Taken(record, Counted("a person gave it up"))
        with self._reading(inlet) as held:
            records.take(
                wiring.db,
                held,
                inlet.id,
                [given_up],
                {},
                now=self._clock.wall(),
                complete=False,
                patience=wiring.pending,
                takes_files=wiring.takes_files,
            )
        return Act(name, "", "read", record.place, "rejected", "dropped")

    @contextmanager
    def _reading(self, inlet: Inlet) -> Iterator[Lease]:
        wiring = self._wiring
        held = leases.take(wiring.db, f"collect:{inlet.id}", wiring.who, self._clock.wall())
        if held is None:
            raise Busy(f"another process reads {inlet.name}", "try again when it is done")
        try:
            yield held
        finally:
            leases.give_back(wiring.db, held)

    @property
    def _clock(self) -> Clock:
        return self._wiring.clock

    def _ids(self, names: Sequence[str]) -> list[int]:
        return [people.find_ticket(self._wiring.db, name) for name in names]

    def _each_or_record(self, names: Sequence[str], act: Any, act_on_record: Any) -> list[dict[str, Any]]:
        kept = {name: found for name in names if (found := self._rejected(name)) is not None}
        done = self._each([name for name in names if name not in kept], act)
        return done + [asdict(act_on_record(name, *found)) for name, found in kept.items()]

    def _each(self, names: Sequence[str], act: Any) -> list[dict[str, Any]]:
        ids = self._ids(names)
        now = self._clock.wall()
        return [asdict(done) for ticket_id in ids for done in act(self._wiring.db, ticket_id, now)]

    def _confirm_sent(self, ticket_id: int, name: str, remote_id: str) -> Act:
        rows = people.unsure_of(self._wiring.db, ticket_id)
        if not rows:
            raise NoSuchTicket(f"nothing of {name} is unsure", f"see: connector explain {name}")
        row = deliveries.one(self._wiring.db, rows[0].id)
        try:
            outlet = self._wiring.outlet(row.sink)
        except KeyError:
            what = f"the settings have no sink {row.sink}"
            raise NoSuchTicket(what, "put it back to confirm what went there") from None
        row = spelt_out(self._wiring, outlet, row)
        receipt = self._receipt(row, remote_id)
        fields = dict(row.payload or {}) if row.do is Do.CREATE else {}
        done = Done(receipt, fields, note=f"a person found it as {remote_id}", happened=self._wiring.happened(row))
        settling.settle(self._wiring.db, row, Move.FOUND, done, self._clock.wall())
        return Act(name, row.sink, row.do.value, row.part, "unsure", "sent")

    def _receipt(self, row: deliveries.Delivery, remote_id: str) -> Receipt:
        """The record as the remote has it, so that later updates know what they meet."""
        if row.do is not Do.CREATE:
            return Receipt(row.remote_id)
        outlet = self._wiring.outlets[row.sink]
        remote = outlet.sink.read(remote_id, sorted(row.payload or {}))
        if remote is None:
            raise NoSuchTicket(f"{outlet.name} has no record {remote_id}", "give its sys_id or ticket id")
        return Receipt(remote.remote_id, number=remote.number, echo=remote.fields)
