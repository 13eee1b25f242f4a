"""Observe: what help desks say comes back, page by page, each page one commit with its cursor."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import structlog
from sqlalchemy.exc import SQLAlchemyError

from connector.engine.attempt import place_of
from connector.engine.wiring import Outlet, Tally, Wiring
from connector.errors import Busy, Permanent, RemoteError
from connector.ledger import leases, observing, records, unseen
from connector.ledger.database import LedgerError
from connector.ledger.leases import Lease
from connector.ledger.observing import Noted, Rules
from connector.ledger.rows import slices
from connector.limits import BUDGET
from connector.plugins import Can, ChangePage

log = structlog.get_logger("connector.observe")

# A record that no change has shown so long after it was linked is asked for by itself, in seconds.
OVERDUE = 600.0
# So many records are asked for by themselves in a run, and so many at once.
ASKED, AT_ONCE = 1000, 100
# The cursor's entry for the round in which records that may still change are looked at one after another.
ROUND = "round"
# What says that nothing is wrong with the help desk: a budget of ours is used up, or the account may not read changes.
_NO_FAULT = frozenset({BUDGET, "forbidden", "refused"})


def observe(wiring: Wiring, outlet: Outlet, tally: Tally) -> int:
    """Read what changed at the help desk, once in a run; returns how many deliveries follow from it.

    A help desk that cannot be read leaves its error in `tally.unread`; what was committed stays.
    """
    waits = tally.observed or tally.error is not None or wiring.stop()
    if waits or Can.CHANGES not in outlet.sink.can or not _is_time(wiring, outlet):
        return 0
    tally.observed = True
    held = leases.take(wiring.db, f"observe:{outlet.name}", wiring.who, wiring.clock.wall())
    if held is None:
        log.info("another process reads these changes", sink=outlet.name)
        return 0
    noted = Noted()
    try:
        _listen(wiring, outlet, held, noted)
    except Busy:
        log.info("another process reads these changes now", sink=outlet.name)
    except RemoteError as error:
        tally.unread = None if error.code in _NO_FAULT else error
        records.note_failure(wiring.db, observing.source_of(outlet.name), wiring.clock.wall(), str(error))
        log.warning("changes cannot be read", sink=outlet.name, code=error.code)
    finally:
        leases.give_back(wiring.db, held)
    wiring.progress(f"observe {outlet.name}", noted.changed, noted.changed)
    if noted.changed or noted.said:
        log.info("observed", sink=outlet.name, changed=noted.changed, said=noted.said, queued=noted.queued)
    return noted.queued


def _is_time(wiring: Wiring, outlet: Outlet) -> bool:
    """Something of ours is there to be read, and it was not read too short a while ago."""
    every = wiring.observe.every
    if not observing.has_records(wiring.db, outlet.name):
        return False
    return not every or observing.since_read(wiring.db, outlet.name, wiring.clock.wall()) >= every


def _listen(wiring: Wiring, outlet: Outlet, held: Lease, noted: Noted) -> None:
    """What the help desk shows as changed; then what it may have kept silent about."""
    unread: Permanent | None = None
    try:
        _take_in(wiring, outlet, held, _changes(wiring, outlet), noted)
    except Permanent as error:  # this account may not read changes; each record by itself it may well read
        unread = error
    late, rest = (0.0, 0.0) if unread else (OVERDUE, wiring.observe.check)
    _take_in(wiring, outlet, held, _overdue(wiring, outlet, late, rest), noted)
    if unread is not None:
        raise unread


def _take_in(wiring: Wiring, outlet: Outlet, held: Lease, pages: Iterator[ChangePage], noted: Noted) -> None:
    rules = Rules(wiring.closure, outlet.sink.cascade_seconds)
    for page in pages:
        noted.plus(observing.take(wiring.db, held, outlet.name, page, rules, wiring.clock.wall()))
        wiring.progress(f"observe {outlet.name}", noted.changed, None)
        if wiring.stop():
            return


def _changes(wiring: Wiring, outlet: Outlet) -> Iterator[ChangePage]:
    cursor = records.cursor_of(wiring.db, observing.source_of(outlet.name))
    cursor.pop(ROUND, None)
    try:
        yield from outlet.sink.changes(cursor, lambda ids: observing.known(wiring.db, outlet.name, ids))
    except (RemoteError, SQLAlchemyError, LedgerError):
        raise
    except Exception as error:  # noqa: BLE001 - its deliveries go on all the same
        raise _puzzled(error) from None


def _overdue(wiring: Wiring, outlet: Outlet, late: float, rest: float) -> Iterator[ChangePage]:
    """Records that were not shown `late` seconds after they were linked, and in rounds, `rest` seconds apart, those
    that may have gone without a word."""
    now = wiring.clock.wall()
    overdue = unseen.overdue(wiring.db, outlet.name, now - late, ASKED)
    for some in slices(overdue, AT_ONCE):
        yield _asked(outlet, some)
    after, began = _round(wiring, outlet, now)
    if after == 0 and now - began < rest:
        if began == now:
            yield ChangePage((), {ROUND: json.dumps([0, now])})
        return
    began = now if after == 0 else began
    left = ASKED - len(overdue)
    while left > 0:
        most = min(AT_ONCE, left)
        rows = observing.unfinished(wiring.db, outlet.name, after, most)
        left -= most
        after = rows[-1][0] if len(rows) == most else 0
        asked = _asked(outlet, list(dict.fromkeys(remote_id for _, remote_id in rows)))
        yield ChangePage(asked.changes, {ROUND: json.dumps([after, began])})
        if after == 0:
            return


def _round(wiring: Wiring, outlet: Outlet, now: float) -> tuple[int, float]:
    """The ticket at which the round goes on, 0 where none is under way, and when the latest began; now, if none did."""
    said = records.cursor_of(wiring.db, observing.source_of(outlet.name)).get(ROUND)
    after, began = json.loads(said) if said else (0, now)
    return int(after), float(began)


def _asked(outlet: Outlet, remote_ids: Sequence[str]) -> ChangePage:
    if not remote_ids:
        return ChangePage(())
    try:
        return ChangePage(outlet.sink.observe(remote_ids))
    except (RemoteError, SQLAlchemyError, LedgerError):
        raise
    except Exception as error:  # noqa: BLE001 - its deliveries go on all the same
        raise _puzzled(error) from None


def _puzzled(error: Exception) -> RemoteError:
    """A plugin's bug keeps its own changes away, and nothing else."""
    log.error("the sink failed", error=type(error).__name__, at=place_of(error))
    what = f"its changes cannot be read: the sink failed in a way it should not ({type(error).__name__})"
    return Permanent(what, "report this as a bug", code="sink-failed")
