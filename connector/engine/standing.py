"""What a sink's settings may not change under way, and what follows where they did. Checked before every run."""

from __future__ import annotations

from connector.engine.wiring import Outlet, Wiring
from connector.errors import Finding, SettingsError
from connector.ledger import deliveries, people
from connector.plugins import Clearance


def keep_standing(wiring: Wiring, outlet: Outlet) -> None:
    """Compare with what earlier runs went by; raises SettingsError.

    The table is part of every key: under another one nothing that was sent would be found again. A clearance that was
    lowered takes effect at once: what is rendered but was never sent is rendered again.
    """
    known = deliveries.remembered(wiring.db, outlet.name)
    table, before = outlet.mapping.table, known.get("table", "")
    if before and before != table:
        what = f"sink {outlet.name} has written to the table {before!r} so far, and its mapping now says {table!r}"
        remedy = "give the new table a sink of its own in the settings"
        raise SettingsError([Finding("other-table", str(outlet.mapping.path), what, remedy)])
    if known.get("clearance") == Clearance.FULL and outlet.clearance is not Clearance.FULL:
        people.replan(wiring.db, None, wiring.clock.wall(), sink=outlet.name)
    now = {"table": table, "clearance": outlet.clearance.value}
    if {name: known.get(name) for name in now} != now:
        deliveries.remember(wiring.db, outlet.name, now)
