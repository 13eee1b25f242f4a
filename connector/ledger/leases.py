"""Leases: one process at a time collects from a source. A lease is a row with a fencing number."""

from __future__ import annotations

import os
import socket
import uuid
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select, update

from connector.errors import Busy
from connector.ledger.database import Database
from connector.ledger.rows import put
from connector.ledger.schema import lease

LEASE_SECONDS = 30.0
# Longer than anything waits, in seconds: a time further ahead was written before the clock was set back.
FARTHEST = 100_000.0


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to do `name` until it is given back, taken over, or not renewed."""

    name: str
    holder: str
    fence: int


def holder() -> str:
    """Who this process is: `HOST|BOOT|PID NAMESPACE|PID|START|RANDOM`; a neighbour can tell whether we live."""
    pid = os.getpid()
    return "|".join((*_neighbourhood(), str(pid), _start_of(pid), uuid.uuid4().hex[:12]))


def is_dead(who: str) -> bool:
    """True only where it is certain: same host, same boot, same process namespace, and no such process any more."""
    parts = who.split("|")
    if len(parts) != 6 or tuple(parts[:3]) != _neighbourhood() or not all(parts[:5]):
        return False
    return _start_of(int(parts[3])) != parts[4]


def _neighbourhood() -> tuple[str, str, str]:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        boot = namespace = ""
    return socket.gethostname().replace("|", ""), boot, namespace


def _start_of(pid: int) -> str:
    """When the process started, in ticks since boot; "" where there is none (or it is a zombie)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if stat[0] in "ZX" else stat[19]


def take(db: Database, name: str, who: str, now: float) -> Lease | None:
    """The lease, or None while another living process holds it."""
    with db.write() as connection:
        row = connection.execute(select(lease).where(lease.c.name == name)).first()
        if row is not None and row.holder and now < row.until < now + FARTHEST and not is_dead(row.holder):
            return None
        fence = (row.fence if row is not None else 0) + 1
        put(connection, lease, [{"name": name, "holder": who, "until": now + LEASE_SECONDS, "fence": fence}])
    return Lease(name, who, fence)


def renew(connection: Connection, held: Lease, now: float) -> None:
    """Prolong the lease inside the commit it protects; raises Busy when somebody took it over."""
    mine = (lease.c.name == held.name, lease.c.holder == held.holder, lease.c.fence == held.fence)
    if connection.execute(update(lease).where(*mine).values(until=now + LEASE_SECONDS)).rowcount != 1:
        raise Busy(f"another process took over {held.name}", "nothing is lost; this run stops here")


def give_back(db: Database, held: Lease) -> None:
    """End the lease, unless somebody else has it by now."""
    mine = (lease.c.name == held.name, lease.c.holder == held.holder, lease.c.fence == held.fence)
    with db.write() as connection:
        connection.execute(update(lease).where(*mine).values(holder="", until=0.0))
